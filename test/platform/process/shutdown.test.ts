import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Line, start, until } from '../helper.ts'
import { owner } from './owner.ts'

t.jobs = 2

type Service = Awaited<ReturnType<typeof start>>
const isError = ({ level }: Line) => Number(level) >= 50

/** How the service exits; 30 s leave room for a busy machine. */
const exitOf = ({ exit }: Service) => Promise.race([exit, sleep(30_000, 'still there after 30 s', { ref: false })])
const failed = { code: 1, signal: null }

const throwing = {
  'an async onClose hook that throws': "app.addHook('onClose', async () => { throw new Error('canary') })",
  'an onClose hook that passes an error on': "app.addHook('onClose', (app, done) => done(new Error('canary')))",
  'an onClose hook that throws at once': "app.addHook('onClose', () => { throw new Error('canary') })",
  'an async preClose hook that throws': "app.addHook('preClose', async () => { throw new Error('canary') })",
  'a preClose hook that throws at once': "app.addHook('preClose', () => { throw new Error('canary') })"
}
const hanging = {
  'an onClose hook that hangs': ['onClose', "app.addHook('onClose', () => new Promise(() => {}))"],
  'a preClose hook that hangs': ['preClose', "app.addHook('preClose', () => new Promise(() => {}))"]
} as const

for (const [hook, code] of Object.entries(throwing)) {
  t.test(`${hook}: one error line with the cause, exit code 1`, async (t) => {
    const service = await start(t, { SHUTDOWN_TIMEOUT_MS: '5000', ADMIN_PORT: '0' }, { args: owner(code) })
    service.child.kill('SIGTERM')
    t.strictSame(await exitOf(service), failed)
    t.match(service.lines().filter(isError), [{ level: 50, err: { message: 'canary', stack: String } }])
    t.equal(service.lines().filter(isError).length, 1)
    t.equal(service.stderr(), '')
  })
}

for (const [name, [hook, code]] of Object.entries(hanging)) {
  for (const env of [{}, { ADMIN_PORT: '0' }]) {
    t.test(`${name}, ${JSON.stringify(env)}: one error line that names it, exit code 1`, async (t) => {
      const service = await start(t, { SHUTDOWN_TIMEOUT_MS: '2000', ...env }, { args: owner(code) })
      service.child.kill('SIGTERM')
      t.strictSame(await exitOf(service), failed)
      t.match(service.lines().filter(isError), [{ level: 50, msg: `${hook} hooks did not finish within 2000 ms` }])
      t.equal(service.lines().filter(isError).length, 1)
    })
  }
}

t.test('a hook that throws does not wait for the shutdown timeout', async (t) => {
  const args = owner(throwing['an async onClose hook that throws'])
  const service = await start(t, { SHUTDOWN_TIMEOUT_MS: '3600000', ADMIN_PORT: '0' }, { args })
  service.child.kill('SIGTERM')
  t.strictSame(await exitOf(service), failed)
})

t.test('onClose hooks still run after requests in flight were cut', async (t) => {
  const args = owner("app.addHook('onClose', async () => log('onClose ran'))")
  const service = await start(t, { SHUTDOWN_TIMEOUT_MS: '1000' }, { args, routes: true })
  fetch(`${service.url}/never`).catch(() => {})
  await until(() => service.lines().some(({ msg }) => msg === 'in flight'))
  service.child.kill('SIGTERM')
  t.strictSame(await exitOf(service), failed)
  const messages = service.lines().map(({ msg }) => msg)
  for (const message of ['requests still in flight were cut', 'onClose ran', 'request cut']) {
    t.ok(messages.includes(message), message)
  }
})

const registrations: Record<string, [code: string, expected: { code: number; signal: null }]> = {
  'a signal listener of its own': ["process.on('SIGTERM', () => {})", { code: 0, signal: null }],
  'a timer and an interval': ['setInterval(() => {}, 1000); setTimeout(() => {}, 1e6)', { code: 0, signal: null }],
  'an open server': [
    "import('node:net').then(({ createServer }) => createServer().listen(0))",
    { code: 0, signal: null }
  ],
  'an exit listener that throws': ["process.on('exit', () => { throw new Error('canary') })", failed],
  'an uncaught exception during the drain': [
    "app.addHook('preClose', async () => { setImmediate(() => { throw new Error('canary') }); await sleep(100) })",
    failed
  ],
  'a rejection during the drain': [
    "app.addHook('preClose', async () => { Promise.reject(new Error('canary')); await sleep(100) })",
    failed
  ],
  'an onClose hook that blocks the event loop': [
    "app.addHook('onClose', async function canary() { for (;;); })",
    failed
  ],
  'a preClose hook that never lets timers run': [
    "app.addHook('preClose', async function canary() { for (;;) await null })",
    failed
  ],
  'an exit listener that blocks the event loop': ["process.on('exit', function canary() { for (;;); })", failed]
}
for (const [what, [code, expected]] of Object.entries(registrations)) {
  t.test(`${what} does not prevent the exit`, async (t) => {
    const timeout = /block|timers/.test(what) ? '2000' : '30000'
    const service = await start(t, { SHUTDOWN_TIMEOUT_MS: timeout, ADMIN_PORT: '0' }, { args: owner(code) })
    service.child.kill('SIGTERM')
    t.strictSame(await exitOf(service), expected)
    const errors = service.lines().filter(isError)
    t.equal(errors.length, expected.code)
    for (const line of errors) t.match(line, { err: { stack: /canary|<anonymous>/ } })
  })
}

t.test('a hook that is blocked in a system call does not prevent the exit', async (t) => {
  const code = "app.addHook('onClose', async () => { process.getBuiltinModule('child_process').execSync('sleep 20') })"
  const service = await start(t, { SHUTDOWN_TIMEOUT_MS: '1000' }, { args: owner(code) })
  service.child.kill('SIGTERM')
  t.strictSame(await exitOf(service), { code: null, signal: 'SIGKILL' })
})

t.test('probes answer on the admin listener until the last hook has ended', async (t) => {
  const args = owner(`
    app.addHook('preClose', async () => { await sleep(300) })
    app.addHook('onClose', async () => { log('closing'); await sleep(600); log('closed') })`)
  const env = { DRAIN_DELAY_MS: '300', ADMIN_PORT: '0' }
  const { adminUrl, child, exit, lines } = await start(t, env, { args, routes: true })
  child.kill('SIGTERM')
  await until(async () => (await fetch(`${adminUrl}/readyz`)).status === 503)
  const is = (word: string) => lines().some(({ msg }) => msg === word)
  let duringOnClose = 0
  while (!is('closed')) {
    const closing = is('closing')
    const probes = await Promise.all(
      ['livez', 'readyz'].map((name) => fetch(`${adminUrl}/${name}`).catch(() => undefined))
    )
    const statuses = probes.map((probe) => probe?.status)
    const refusedAt = Date.now()
    if (statuses.includes(undefined)) {
      await until(() => is('closed'))
      t.ok(lines().some(({ msg, time }) => msg === 'closed' && Number(time) <= refusedAt))
      break
    }
    t.strictSame(statuses, [200, 503])
    if (closing) duringOnClose++
    await sleep(20)
  }
  t.ok(duringOnClose > 0)
  t.strictSame(await exit, { code: 0, signal: null })
})
