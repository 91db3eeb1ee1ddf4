import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Line, start, until } from '../helper.ts'
import { owner } from './owner.ts'

t.jobs = 2

const isInFlight = ({ msg }: Line) => msg === 'in flight'

/** How it exits on signals that come too late to be the first one again. */
async function later(child: ChildProcess, exit: Promise<unknown>) {
  let how: unknown
  for (let i = 0; i < 100 && !how; i++) {
    how = await Promise.race([exit, sleep(300)])
    child.kill('SIGINT')
  }
  return how
}

const moments = {
  'while plugins load': "queueMicrotask(() => app.register(async () => { process.emit('SIGTERM'); await sleep(100) }))",
  'in an onReady hook': "app.addHook('onReady', async () => { process.emit('SIGTERM'); await sleep(100) })"
}
for (const [moment, code] of Object.entries(moments)) {
  t.test(`a signal ${moment}: it never listens, although a preClose hook takes its time`, async (t) => {
    const preClose = "app.addHook('preClose', async () => { await sleep(300) })"
    const onListen = "app.addHook('onListen', async () => log('listens'))"
    const { exit, lines, stderr } = await start(t, {}, { args: owner(`${preClose}; ${onListen}; ${code}`) })
    t.strictSame(await exit, { code: 0, signal: null })
    t.strictSame(lines(), [])
    t.equal(stderr(), '')
  })
}

t.test('a signal before it listens, and a hook that hangs: one error line, exit code 1', async (t) => {
  const code = `app.addHook('onReady', async () => { process.emit('SIGTERM') })
    app.addHook('preClose', () => new Promise(() => {}))`
  const { exit, lines } = await start(t, { SHUTDOWN_TIMEOUT_MS: '1000' }, { args: owner(code) })
  t.strictSame(await exit, { code: 1, signal: null })
  t.match(lines(), [{ level: 50, msg: 'onReady, preClose or onClose hooks did not finish within 1000 ms' }])
  t.equal(lines().length, 1)
})

t.test('a plugin that fails after the signal is no fatal error', async (t) => {
  const code = "app.addHook('onReady', async () => { process.emit('SIGTERM'); throw new Error('canary') })"
  const { exit, lines } = await start(t, {}, { args: owner(code) })
  t.strictSame(await exit, { code: 0, signal: null })
  t.strictSame(lines(), [])
})

for (const second of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`SIGINT and at once ${second} are one signal: requests in flight finish`, async (t) => {
    const { url, child, exit, lines } = await start(t, {}, { routes: true })
    const reply = fetch(`${url}/hold?ms=1000`)
    await until(() => lines().some(isInFlight))
    child.kill('SIGINT')
    child.kill(second)
    t.equal((await reply).status, 200)
    t.strictSame(await exit, { code: 0, signal: null })
  })
}

t.test(
  'a signal that arrives in time but is handled late, as the event loop was blocked, is the same one',
  async (t) => {
    const code = `process.once('SIGINT', () => setImmediate(() => {
      process.kill(process.pid, 'SIGINT')
      for (const end = performance.now() + 500; performance.now() < end; );
      log('blocked')
    }))`
    const { url, child, exit, lines } = await start(t, {}, { routes: true, args: owner(code) })
    const reply = fetch(`${url}/hold?ms=1500`)
    await until(() => lines().some(isInFlight))
    child.kill('SIGINT')
    t.equal((await reply).status, 200)
    t.strictSame(await exit, { code: 0, signal: null })
    t.ok(lines().some(({ msg }) => msg === 'blocked'))
  }
)

for (const first of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  t.test(`a later signal after ${first} exits at once, with 1`, async (t) => {
    const { url, child, exit, lines } = await start(t, { SHUTDOWN_TIMEOUT_MS: '3600000' }, { routes: true })
    fetch(`${url}/never`).catch(() => {})
    await until(() => lines().some(isInFlight))
    child.kill(first)
    t.strictSame(await later(child, exit), { code: 1, signal: null })
  })
}

const listeners = { 'that throws': "throw new Error('canary')", 'that blocks the event loop': 'for (;;);' }
for (const [what, code] of Object.entries(listeners)) {
  t.test(`a later signal exits at once in spite of an exit listener ${what}`, async (t) => {
    const args = owner(`process.on('exit', () => { ${code} })`)
    const { url, child, exit, lines } = await start(t, { SHUTDOWN_TIMEOUT_MS: '3600000' }, { routes: true, args })
    fetch(`${url}/never`).catch(() => {})
    await until(() => lines().some(isInFlight))
    child.kill('SIGTERM')
    t.strictSame(await later(child, exit), { code: 1, signal: null })
  })
}
