import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { freePorts, start } from '../helper.ts'
import { owner } from './owner.ts'

t.jobs = 2

const service = fileURLToPath(new URL('./service.mjs', import.meta.url))
const failed = { code: 1, signal: null }

const faults = {
  environment: { level: 60, msg: 'MAX_CONNECTIONS must be an integer of at least 1', err: undefined },
  import: { level: 60, msg: 'canary', err: { stack: /canary/ } },
  plugin: { level: 60, msg: 'canary', err: { stack: /canary/ } },
  rejection: { level: 60, msg: 'uncaught exception' }
}
for (const [FAULT, line] of Object.entries(faults)) {
  t.test(`a fault of the ${FAULT}: one fatal line, exit code 1`, async (t) => {
    const { exit, lines, stderr } = await start(
      t,
      { FAULT, ...(FAULT === 'environment' && { MAX_CONNECTIONS: 'x' }) },
      { args: [service] }
    )
    t.strictSame(await exit, failed)
    t.match(
      lines().filter(({ level }) => Number(level) >= 50),
      [line]
    )
    t.equal(lines().filter(({ level }) => Number(level) >= 50).length, 1)
    t.equal(stderr(), '')
  })
}

t.test('a signal before the environment is read: exit code 0, no line', async (t) => {
  const { exit, lines } = await start(t, { FAULT: 'signal' }, { args: [service] })
  t.strictSame(await exit, { code: 0, signal: null })
  t.strictSame(lines(), [])
})

t.test('localhost is one listener', async (t) => {
  const { exit, lines, child } = await start(t, { HOST: 'localhost' }, { args: [service] })
  t.match(lines(), [{ level: 30, msg: /^Server listening at http:/ }])
  t.equal(lines().length, 1)
  child.kill('SIGTERM')
  t.strictSame(await exit, { code: 0, signal: null })
})

t.test('a port that is taken, and an exit listener that blocks the event loop: exit code 1', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const address = taken.address()
  const PORT = String(address instanceof Object && address.port)
  const { exit, lines } = await start(t, { PORT }, { args: owner("process.on('exit', () => { for (;;); })") })
  t.strictSame(await exit, failed)
  t.match(lines(), [{ level: 60, msg: new RegExp(`EADDRINUSE.*:${PORT}`) }])
  t.equal(lines().length, 1)
})

t.test('a port that is taken: the admin listener closes, and so does what plugins have opened', async (t) => {
  const [PORT] = await freePorts(1)
  const taken = createServer().listen(PORT, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const args = owner("app.addHook('onClose', async () => log('closed'))")
  const { exit, lines } = await start(t, { PORT: String(PORT), ADMIN_PORT: '0' }, { args })
  t.strictSame(await exit, failed)
  t.match(lines(), [
    { level: 30, msg: /^Admin server listening/ },
    { level: 60, msg: /EADDRINUSE/ },
    { level: 30, msg: 'closed' }
  ])
})

t.test('an uncaught exception, then a signal: requests in flight still finish, exit code 1', async (t) => {
  const { url, child, exit, lines } = await start(t, {}, { routes: true })
  const reply = fetch(`${url}/hold?ms=1500`)
  await fetch(`${url}/crash`)
  while (!lines().some(({ msg }) => msg === 'uncaught exception')) await sleep(5)
  child.kill('SIGTERM')
  t.equal((await reply).status, 200)
  t.strictSame(await exit, failed)
})
