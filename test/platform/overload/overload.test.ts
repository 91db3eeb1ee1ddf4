import { AsyncLocalStorage } from 'node:async_hooks'
import t from 'tap'
import { build, listen, until } from '../helper.ts'

const burn = (url: string) => fetch(`${url}/burn?ms=10`)
const burnMany = (url: string, count: number) => Promise.all(Array.from({ length: count }, () => burn(url)))
const statuses = (replies: Response[]) => new Set(replies.map(({ status }) => status))

t.test('a refusal is a problem with Retry-After; the service stays alive and ready', async (t) => {
  const { app, url, lines } = await listen(t, { OVERLOAD_DELAY_MS: '1' })
  let refused: Response | undefined
  await until(async () => {
    const replies = burnMany(url, 40)
    const probes = await Promise.all(['/livez', '/readyz', '/metrics'].map((path) => fetch(url + path)))
    t.strictSame(statuses(probes), new Set([200]))
    refused = (await replies).find(({ status }) => status === 503)
    return refused !== undefined
  })
  t.equal(refused?.headers.get('retry-after'), '1')
  t.equal(refused?.headers.get('content-type'), 'application/problem+json')
  const problem = Object(await refused?.json())
  t.match(problem, { status: 503, title: 'Service Unavailable' })
  const line = (await lines()).find(({ reqId }) => reqId === problem.requestId)
  t.match(line, { level: 30, path: '/burn', statusCode: 503 })
  t.match(await (await fetch(`${url}/metrics`)).text(), `http_server_requests_shed_total ${app.metrics.shed}\n`)
  t.ok(app.metrics.shed > 0)
})

t.test('0 sheds nothing', async (t) => {
  const { url } = await listen(t, { OVERLOAD_DELAY_MS: '0' })
  t.strictSame(statuses(await burnMany(url, 60)), new Set([200]))
})

t.test('requests that are injected one after the other are not shed', async (t) => {
  const { app } = await build(t, { OVERLOAD_DELAY_MS: '1', LOG_LEVEL: 'silent' })
  for (let i = 0; i < 500; i++) t.equal((await app.inject('/')).statusCode, 200)
})

t.test('requests whose clients left are no longer in flight', async (t) => {
  const { url, lines } = await listen(t, { OVERLOAD_DELAY_MS: '1' })
  const aborted = Array.from({ length: 9 }, () => fetch(`${url}/never`, { signal: AbortSignal.timeout(100) }))
  await Promise.allSettled(aborted)
  await until(async () => (await lines()).filter(({ statusCode }) => statusCode === 499).length === 9)
  for (let i = 0; i < 20; i++) t.equal((await burn(url)).status, 200)
  for (let i = 0; i < 10; i++) t.strictSame(statuses(await burnMany(url, 9)), new Set([200]))
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
