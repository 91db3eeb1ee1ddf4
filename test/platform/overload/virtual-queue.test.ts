import t from 'tap'
import { VirtualQueue } from '#src/platform/overload/virtual-queue'

const LIMIT = 102.5 // ms; no multiple of the costs below, which are not exact

/** A queue that has measured `cost` ms per request, at the time 0 and with nothing in flight. */
function measured(cost: number) {
  const queue = new VirtualQueue(LIMIT)
  for (let i = 0; i < 400; i++) {
    queue.admit(0, 0)?.()
    queue.measure(cost)
  }
  return queue
}

/** Offers `count` requests at once; returns the ends of those that are admitted. */
function offer(queue: VirtualQueue, now: number, count = 1000, waited = 0) {
  return Array.from({ length: count }, () => queue.admit(now, waited)).filter((end) => end !== undefined)
}

t.test('nothing is refused before a request has been measured', async (t) => {
  t.equal(offer(new VirtualQueue(LIMIT), 0).length, 1000)
})

t.test('requests are admitted until more than the limit is owed', async (t) => {
  t.equal(offer(measured(5), 0).length, 21)
  t.equal(offer(measured(1), 0).length, 103)
})

t.test('time takes away from what is owed', async (t) => {
  const queue = measured(5)
  offer(queue, 0)
  t.equal(offer(queue, 0).length, 0)
  t.equal(offer(queue, 50).length, 10)
  t.equal(offer(queue, 1000).length, 21)
})

t.test('requests that wait owe nothing after the time of their cost', async (t) => {
  const queue = measured(1)
  let admitted = 0
  for (let ms = 0; ms < 10_000; ms += 2) admitted += offer(queue, ms, 1).length
  t.equal(admitted, 5000)
})

t.test('no more is owed than the requests in flight cost', async (t) => {
  const queue = measured(5)
  for (const end of offer(queue, 0)) end()
  t.equal(offer(queue, 0).length, 21)
})

t.test('fewer than ten requests in flight are never too many', async (t) => {
  const queue = measured(1000)
  const ends = offer(queue, 0)
  t.equal(ends.length, 10)
  ends[0]?.()
  t.equal(offer(queue, 0).length, 1)
})

t.test('a wait in the turn queue counts, where the requests in flight explain it', async (t) => {
  const dear = measured(5)
  offer(dear, 0, 30)
  t.equal(offer(dear, 1000, 1, 0).length, 1)
  t.equal(offer(dear, 2000, 1, 103).length, 0)
  const cheap = measured(0.1)
  offer(cheap, 0, 50)
  t.equal(offer(cheap, 1000, 1, 1000).length, 1)
})

t.test('one block of the loop does not make requests dear', async (t) => {
  const queue = measured(0.1)
  for (const end of offer(queue, 0, 10)) end()
  queue.measure(1000)
  t.equal(offer(queue, 0, 50).length, 50)
})

t.test('the cost follows the load within a few measurements', async (t) => {
  const queue = measured(0.1)
  for (let i = 0; i < 5; i++) {
    for (const end of offer(queue, 0, 36)) end()
    queue.measure(180)
  }
  const { length } = offer(queue, 0)
  t.ok(length >= 21 && length <= 30, `${length} admitted`)
})

t.test('busy time in which no request ends counts for the next that ends', async (t) => {
  const queue = measured(5)
  for (let i = 0; i < 400; i++) {
    queue.measure(10)
    queue.admit(0, 0)?.()
    queue.measure(0)
  }
  t.equal(offer(queue, 0).length, 11)
})

t.test('requests whose end is never reported are forgotten', async (t) => {
  const queue = measured(5)
  for (let ms = 0; ms < 10_000; ms += 5) offer(queue, ms, 1)
  t.equal(offer(queue, 20_000, 1, 1000).length, 0, 'the wait is explained by requests in flight')
  for (let i = 0; i < 1000; i++) queue.measure(0)
  t.equal(offer(queue, 20_000, 1, 1000).length, 1)
})
