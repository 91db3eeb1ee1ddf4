import { execFile } from 'node:child_process'
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { build, start } from '../helper.ts'

const openLoop = fileURLToPath(new URL('../fixtures/open-loop.mjs', import.meta.url))
const run = promisify(execFile)

async function offer(url: string, rate: number, seconds: number) {
  const { stdout } = await run(process.execPath, [openLoop, url, String(Math.round(rate)), String(seconds)])
  return JSON.parse(stdout)
}

/** How many requests a second one client gets through, one after the other. */
async function capacity(url: string, ms: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const end = performance.now() + ms
  let served = 0
  while (performance.now() < end) {
    await new Promise((resolve) => get(url, { agent }, (reply) => reply.resume().once('end', resolve)))
    served++
  }
  return served / (ms / 1000)
}

t.test('what would come too late is refused early, and the admin listener answers throughout', async (t) => {
  const { url, adminUrl } = await start(t, { ADMIN_PORT: '0', LOG_LEVEL: 'info' }, { routes: true })
  const c = await capacity(`${url}/burn`, 1000)
  const overload = offer(`${url}/burn`, 4 * c, 4)
  await sleep(1500)
  const probes = await Promise.all([0, 1, 2, 3].map(() => fetch(`${adminUrl}/livez`)))
  t.strictSame(
    probes.map(({ status }) => status),
    [200, 200, 200, 200]
  )
  t.match(await (await fetch(`${adminUrl}/readyz`)).json(), { status: 503, detail: 'The service is overloaded.' })
  const { good, shed } = await overload
  t.ok(shed > 0 && good > 0, `${good} answered, ${shed} shed`)
  t.match(await (await fetch(`${adminUrl}/metrics`)).text(), new RegExp(`http_server_requests_shed_total ${shed}\\n`))
  await sleep(1100)
  t.equal((await fetch(`${adminUrl}/readyz`)).status, 200, 'ready again')
})

t.test('a refused request gets the problem shape and Retry-After', async (t) => {
  const { url, lines } = await start(t, {}, { routes: true })
  await fetch(url)
  const replies = await Promise.all(Array.from({ length: 200 }, () => fetch(`${url}/burn?ms=10`)))
  const refused = replies.find(({ status }) => status === 503)
  t.equal(refused?.headers.get('retry-after'), '1')
  t.equal(refused?.headers.get('content-type'), 'application/problem+json')
  t.match(await refused?.json(), { status: 503, title: 'Service Unavailable' })
  await sleep(200)
  t.match(
    lines().find(({ statusCode }) => statusCode === 503),
    { level: 30, path: '/burn' }
  )
})

t.test('0 sheds nothing, nor do injected requests', async (t) => {
  const { url } = await start(t, { OVERLOAD_DELAY_MS: '0' }, { routes: true })
  const replies = await Promise.all(Array.from({ length: 60 }, () => fetch(`${url}/burn?ms=10`)))
  t.strictSame(new Set(replies.map(({ status }) => status)), new Set([200]))
  const { app } = await build(t, { OVERLOAD_DELAY_MS: '1', LOG_LEVEL: 'silent' })
  for (let i = 0; i < 500; i++) t.equal((await app.inject('/')).statusCode, 200)
})
