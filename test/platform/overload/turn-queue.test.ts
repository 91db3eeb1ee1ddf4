import { AsyncLocalStorage } from 'node:async_hooks'
import t from 'tap'
import { TurnQueue } from '#src/platform/overload/turn-queue'

/** A queue on a clock of its own. `start(name, ms)` offers a request that takes `ms`; `turn()` ends the turn. */
function fake() {
  let now = 0
  let immediates: (() => void)[] = []
  const queue = new TurnQueue({ now: () => now, setImmediate: (callback) => immediates.push(callback) })
  const started: string[] = []
  return {
    queue,
    started,
    waited: () => queue.waited(now),
    start: (name: string, ms: number) =>
      queue.push(now, () => {
        started.push(name)
        now += ms
      }),
    turn: () => {
      const callbacks = immediates
      immediates = []
      for (const callback of callbacks) callback()
      return callbacks.length
    }
  }
}

t.test('a turn starts requests for 5 ms; later ones wait in order', async (t) => {
  const { started, start, turn, waited } = fake()
  for (const name of ['a', 'b', 'c', 'd', 'e']) start(name, 4)
  t.strictSame(started, ['a', 'b'])
  t.equal(waited(), 0)
  turn()
  t.strictSame(started, ['a', 'b', 'c', 'd'])
  t.equal(waited(), 8)
  start('f', 0)
  t.strictSame(started, ['a', 'b', 'c', 'd'], 'no request overtakes')
  turn()
  t.strictSame(started, ['a', 'b', 'c', 'd', 'e', 'f'])
  t.equal(waited(), 0)
  t.equal(turn(), 0, 'an empty queue does not keep the loop busy')
})

t.test('a new turn starts requests at once again', async (t) => {
  const { started, start, turn } = fake()
  start('a', 10)
  turn()
  start('b', 10)
  t.strictSame(started, ['a', 'b'])
})

t.test('requests wait while the loop accepts connections', async (t) => {
  const { queue, started, start, turn } = fake()
  for (let i = 0; i < 5; i++) {
    queue.connected()
    start(String(i), 0)
    t.equal(turn(), 1)
  }
  t.strictSame(started, [])
  turn()
  t.strictSame(started, ['0', '1', '2', '3', '4'])
})

t.test('100 connections in a row do not keep requests waiting any longer', async (t) => {
  const { queue, started, start, turn } = fake()
  queue.connected()
  start('a', 0)
  let turns = 0
  for (; started.length === 0 && turns < 1000; turns++) {
    turn()
    queue.connected()
  }
  t.equal(turns, 100)
})

t.test('a request that a handler makes while the queue is emptied is started, and only once', async (t) => {
  const { queue, started, start, turn } = fake()
  start('a', 6)
  queue.push(6, () => start('c', 0))
  turn()
  t.strictSame(started, ['a', 'c'])
  t.equal(turn(), 0)
})

t.test('a request keeps the async context it came with', async (t) => {
  const queue = new TurnQueue()
  const context = new AsyncLocalStorage<string>()
  const seen: (string | undefined)[] = []
  await new Promise<void>((resolve) => {
    context.run('first', () => queue.push(0, () => seen.push(context.getStore())))
    context.run('second', () => queue.push(6, () => seen.push(context.getStore())))
    context.run('third', () => queue.push(6, resolve))
    t.strictSame(seen, ['first'], 'the others wait')
  })
  t.strictSame(seen, ['first', 'second'])
})
