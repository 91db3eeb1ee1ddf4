// The contract of the load shedding, on a model of the event loop. With real processes: npm run test:faults -- overload.
import t from 'tap'
import { LoopModel, type Route } from './loop-model.ts'

const LIMIT = 100 // ms
const first: Route = { cpu: 5 }
const late: Route = { cpu: 5, wait: 10 }
const waiting: Route = { cpu: 0.03, wait: 1000 }
const hello: Route = { cpu: 0.03 }
/** Requests of 5 ms a second, the time to read and start them included. */
const CAPACITY = 1000 / 5.06

function overload(routes: readonly Route[], times: number, capacity: number) {
  const loop = new LoopModel(LIMIT)
  loop.run({ routes, rate: capacity / 2, seconds: 2 })
  const report = loop.run({ routes, rate: capacity * times, seconds: 15 })
  loop.run({ routes, rate: capacity / 2, seconds: 5 })
  const after = loop.run({ routes, rate: capacity / 2, seconds: 2 })
  return { ...report, goodput: report.good / capacity, shedAfter: after.shed }
}

// A third of the mixture only waits, so at 20 times its capacity 1.5 times as many requests are refused.
const cases = [
  { name: 'CPU first', routes: [first], capacity: CAPACITY, least: { 2: 0.85, 5: 0.85, 10: 0.85, 20: 0.65 } },
  { name: 'CPU after an await', routes: [late], capacity: CAPACITY, least: { 2: 0.85, 5: 0.85, 10: 0.85, 20: 0.65 } },
  {
    name: 'a mixture with waiting requests',
    routes: [first, late, { cpu: 0.03, wait: 300 }],
    capacity: 1.5 * CAPACITY,
    least: { 2: 0.85, 5: 0.85, 10: 0.8, 20: 0.6 }
  }
]
for (const { name, routes, capacity, least } of cases) {
  t.test(`${name}: at 0.8 times capacity nothing is shed`, async (t) => {
    const { sent, shed } = overload(routes, 0.8, capacity)
    t.ok(sent > 1000)
    t.equal(shed, 0)
  })
  for (const [times, share] of Object.entries(least)) {
    t.test(`${name}: at ${times} times capacity at least ${share} of it is used, with p99 below 500 ms`, async (t) => {
      const { goodput, p99, shed, shedAfter } = overload(routes, Number(times), capacity)
      t.ok(goodput >= share, `goodput ${goodput}`)
      t.ok(p99 <= 500, `p99 ${p99} ms`)
      t.ok(shed > 0)
      t.equal(shedAfter, 0, 'nothing is shed 5 s later')
    })
  }
}

for (const [rate, ms, every] of [
  [500, 30, 1000],
  [1000, 30, 1000],
  [2000, 30, 1000],
  [500, 1000, 5000]
] as const) {
  t.test(`${rate} waiting requests a second, the loop blocked for ${ms} ms: none is shed`, async (t) => {
    const loop = new LoopModel(LIMIT)
    loop.run({ routes: [waiting], rate, seconds: 2 })
    t.equal(loop.run({ routes: [waiting], rate, block: { ms, every }, seconds: 15 }).shed, 0)
  })
}

for (const ms of [0, 30, 1000]) {
  t.test(`50 clients that saturate the loop, which is blocked for ${ms} ms now and then: none is shed`, async (t) => {
    const loop = new LoopModel(LIMIT)
    const { sent, shed } = loop.run({ routes: [hello], clients: 50, block: { ms, every: 3000 }, seconds: 15 })
    t.ok(sent > 10_000)
    t.equal(shed, 0)
  })
}
