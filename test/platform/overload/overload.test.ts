import { AsyncLocalStorage } from 'node:async_hooks'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { build, listen, start, until } from '../helper.ts'

const openLoop = fileURLToPath(new URL('../service/open-loop.mjs', import.meta.url))
const run = promisify(execFile)

async function offer(url: string, rate: number, seconds: number) {
  const { stdout } = await run(process.execPath, [openLoop, url, String(Math.round(rate)), String(seconds)])
  return JSON.parse(stdout)
}

t.test('what would come too late is refused early, and the admin listener answers throughout', async (t) => {
  const { url, adminUrl, lines } = await start(t, { ADMIN_PORT: '0', OVERLOAD_DELAY_MS: '' }, { routes: true })
  const overload = offer(`${url}/burn?ms=50`, 100, 1) // five times what can be done
  await until(async () => (await fetch(`${adminUrl}/readyz`)).status === 503)
  t.match(await (await fetch(`${adminUrl}/readyz`)).json(), { status: 503, detail: 'The service is overloaded.' })
  const probes = await Promise.all([0, 1, 2, 3].map(() => fetch(`${adminUrl}/livez`)))
  t.strictSame(
    probes.map(({ status }) => status),
    [200, 200, 200, 200]
  )
  const { good, shed, failed } = await overload
  t.ok(shed > 0 && good > 0, `${good} answered, ${shed} shed`)
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text()
  const counted = Number(/^http_server_requests_shed_total (\d+)$/m.exec(metrics)?.[1])
  t.ok(counted >= shed && counted <= shed + failed, `${counted} counted`)
  await until(async () => (await fetch(`${adminUrl}/readyz`)).status === 200)
  t.pass('ready again')

  const replies = await Promise.all(Array.from({ length: 100 }, () => fetch(`${url}/burn?ms=10`)))
  const refused = replies.find(({ status }) => status === 503)
  t.equal(refused?.headers.get('retry-after'), '1')
  t.equal(refused?.headers.get('content-type'), 'application/problem+json')
  const problem = Object(await refused?.json())
  t.match(problem, { status: 503, title: 'Service Unavailable' })
  const line = () => lines().find(({ reqId }) => reqId === problem.requestId)
  await until(() => line() !== undefined)
  t.match(line(), { level: 30, path: '/burn', statusCode: 503 })
})

t.test('0 sheds nothing, nor do injected requests', async (t) => {
  const { url } = await listen(t, { OVERLOAD_DELAY_MS: '0' })
  const replies = await Promise.all(Array.from({ length: 60 }, () => fetch(`${url}/burn?ms=10`)))
  t.strictSame(new Set(replies.map(({ status }) => status)), new Set([200]))
  const { app } = await build(t, { OVERLOAD_DELAY_MS: '1', LOG_LEVEL: 'silent' })
  for (let i = 0; i < 500; i++) t.equal((await app.inject('/')).statusCode, 200)
})

t.test('handlers that their clients left do not count as ahead for ever', async (t) => {
  const { url, lines } = await listen(t, { OVERLOAD_DELAY_MS: '20' })
  for (let i = 0; i < 3; i++) {
    const aborted = Array.from({ length: 10 }, () => fetch(`${url}/never`, { signal: AbortSignal.timeout(100) }))
    await Promise.allSettled(aborted)
  }
  await until(async () => (await lines()).filter(({ statusCode }) => statusCode === 499).length === 30)
  for (let i = 0; i < 40; i++) t.equal((await fetch(`${url}/burn?ms=10`)).status, 200)
})

t.test('a request that has queued keeps the async context it came with, as tracing needs', async (t) => {
  const { app } = await build(t, { OVERLOAD_DELAY_MS: '10000' }, (app) => {
    app.get('/context', async () => {
      for (const end = performance.now() + 3; performance.now() < end; );
      return { context: context.getStore() }
    })
  })
  const context = new AsyncLocalStorage<string | undefined>()
  app.server.prependListener('request', ({ url = '' }) => context.enterWith(url.split('=')[1]))
  const url = await app.listen()
  const ids = Array.from({ length: 20 }, (_, id) => String(id))
  const ask = async (id: string) => Object(await (await fetch(`${url}/context?id=${id}`)).json()).context
  await Promise.all(ids.map(ask)) // Node accepts one connection a turn; so from here on all come at once
  t.strictSame(await Promise.all(ids.map(ask)), ids)
})
