import type { FastifyInstance } from 'fastify'
import { Gauge } from 'prom-client'
import t from 'tap'
import { RequestDuration } from '#src/platform/metrics/request-duration'
import { failOnce } from '../docs/fail-once.ts'
import { build, until } from '../helper.ts'

const series = (text: string) => text.split('\n').filter((line) => line.includes('http_route='))

t.test('requests are counted by method, route pattern and status', async (t) => {
  const { app } = await build(t, {}, (app) => {
    app.get('/items/:id', async () => ({}))
  })
  await Promise.all(['/', '/', '/items/1', '/items/2', '/nowhere', '/%zz'].map((url) => app.inject(url)))
  const { body, headers } = await app.inject('/metrics')
  t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  const count = (method: string, route: string, status: number) =>
    `http_server_request_duration_seconds_count{http_request_method="${method}",http_route="${route}",http_response_status_code="${status}"}`
  t.match(body, `${count('GET', '/', 200)} 2`)
  t.match(body, `${count('GET', '/items/:id', 200)} 2`)
  t.match(body, `${count('GET', 'unmatched', 404)} 1`)
  t.match(body, `${count('GET', 'unmatched', 400)} 1`)
  t.match(body, /http_server_request_duration_seconds_bucket\{.*le="0.005".*\} \d/)
  t.match(body, /http_server_requests_shed_total 0/)
  t.match(body, /log_lines_dropped_total 0/)
  t.match(body, /process_resident_memory_bytes \d/)
})

t.test('10,000 URLs that nobody serves add no series', async (t) => {
  const { app } = await build(t, { LOG_LEVEL: 'silent' })
  await app.inject('/nowhere')
  const before = series((await app.inject('/metrics')).body).length
  for (let i = 0; i < 10_000; i++) await app.inject(`/${i}/${Math.random()}?${i}`)
  t.equal(series((await app.inject('/metrics')).body).length, before)
})

t.test('two apps in one process count apart', async (t) => {
  const [one, two] = [await build(t), await build(t)]
  await one.app.inject('/')
  t.equal(series((await two.app.inject('/metrics')).body).length, 0)
})

t.test('a duration counts in the bucket of its bound and in all above', async (t) => {
  const durations = new RequestDuration()
  for (const seconds of [0.004, 0.005, 0.006, 9, 11]) durations.count('GET', '/', 200, seconds)
  const text = durations.text()
  const value = (name: string) =>
    new RegExp(`^http_server_request_duration_seconds_${name}.* (\\S+)$`, 'm').exec(text)?.[1]
  const counts = ['0.005', '0.01', '7.5', '10', '\\+Inf'].map((le) => value(`bucket{le="${le}"`))
  t.strictSame(counts, ['2', '3', '3', '4', '5'])
  t.strictSame([value('sum'), value('count')], ['20.015', '5'])
})

/** Promise.withResolvers, which Node 20 does not have. */
function withResolver() {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** Adds a metric as an owner does; `collect` returns its value. */
async function addGauge(app: FastifyInstance, name: string, collect: () => number | Promise<number>) {
  const gauge: Gauge = new Gauge({
    name,
    help: 'A metric of the owner.',
    registers: [await app.metrics.registry()],
    collect: async () => gauge.set(await collect())
  })
}

t.test('a metric that an owner registers is in /metrics', async (t) => {
  const { app } = await build(t)
  await addGauge(app, 'own', () => 7)
  t.match((await app.inject('/metrics')).body, /^# HELP own A metric of the owner\.\n# TYPE own gauge\nown 7\n\n/m)
})

t.test('scrapes at the same time share a collection, and there are at most four a second', async (t) => {
  const { app } = await build(t)
  let collections = 0
  await addGauge(app, 'own', () => ++collections)
  const from = performance.now()
  const bodies = (await Promise.all(Array.from({ length: 50 }, () => app.inject('/metrics')))).map(({ body }) => body)
  t.match(bodies[0], /^own 1$/m)
  t.equal(new Set(bodies).size, 1)
  for (let i = 0; i < 50; i++) t.equal((await app.inject('/metrics')).statusCode, 200)
  const seconds = Math.floor((performance.now() - from) / 1000) + 1
  t.ok(collections <= 4 * seconds, `${collections} collections in ${seconds} s`)
  const last = collections
  await until(async () => Number(/^own (\d+)$/m.exec((await app.inject('/metrics')).body)?.[1]) > last)
})

t.test('a metric that throws or hangs is left out and logged, and comes back', async (t) => {
  const { app, lines } = await build(t)
  let isBroken = true
  let hanging = 0
  const { promise, resolve } = withResolver()
  await addGauge(app, 'throws', () => {
    if (isBroken) throw new Error('canary')
    return 1
  })
  await addGauge(app, 'hangs', async () => {
    if (isBroken) {
      hanging++
      await promise
    }
    return 2
  })
  for (let scrape = 1; scrape <= 2; scrape++) {
    const { statusCode, body } = await app.inject('/metrics')
    t.equal(statusCode, 200)
    t.notMatch(body, /throws|hangs/)
    t.match(body, /^process_resident_memory_bytes \d/m)
    t.match(body, /^# TYPE http_server_request_duration_seconds histogram$/m)
  }
  t.equal(hanging, 1, 'a function that hangs is not called again')
  const logged = (await lines()).filter(({ msg }) => msg === 'metric left out of /metrics')
  t.match(logged, [
    { level: 50, metric: 'throws', err: { message: 'canary' } },
    { level: 50, metric: 'hangs', err: { message: /1000 ms/ } },
    { level: 50, metric: 'throws' },
    { level: 50, metric: 'hangs' }
  ])
  isBroken = false
  resolve()
  await until(async () => /^throws 1\n\n.*^hangs 2$/ms.test((await app.inject('/metrics')).body))
})

t.test('prom-client is loaded again after a failure', async (t) => {
  const { app, lines } = await build(t)
  failOnce(t, 'prom-client')
  t.match((await app.inject('/metrics')).json(), { status: 500 })
  t.match((await lines()).at(-1), { statusCode: 500, err: { message: 'canary' } })
  t.equal((await app.inject('/metrics')).statusCode, 200)
})
