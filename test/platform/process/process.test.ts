import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { directory, type Line, start, until } from '../helper.ts'

/** A request on a connection that is kept alive; resolves with the reply and its body. */
async function keepAlive(url: string) {
  const request = get(url, { agent: new Agent({ keepAlive: true }) })
  const [reply]: IncomingMessage[] = await once(request, 'response')
  const chunks = await reply?.toArray()
  return { status: reply?.statusCode, headers: reply?.headers ?? {}, body: String(chunks?.join('')) }
}

/** A connection that sends `bytes` and nothing more. */
async function open(url: string, bytes = '') {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).on('error', () => {})
  await once(socket, 'connect')
  if (bytes !== '') socket.write(bytes)
  return socket
}

t.jobs = 4

const isInFlight = ({ msg }: Line) => msg === 'in flight'
const inTime = (ms: number) => sleep(ms, { code: `none within ${ms} ms` }, { ref: false })

t.test('it logs each address where it listens, and nothing else', async (t) => {
  const cwd = directory(t)
  writeFileSync(join(cwd, '.env'), 'HOST=0.0.0.0\n')
  const { url, adminUrl, lines, stderr, child, exit } = await start(t, { ADMIN_PORT: '0' }, { cwd })
  const { length } = lines()
  for (const line of lines()) {
    t.strictSame(line, { level: 30, time: line.time, msg: line.msg })
    t.match(line.msg, /^(Admin s|S)erver listening at http:\/\/\d+\.\d+\.\d+\.\d+:\d+$/)
  }
  t.match(url, /^http:\/\/127\.0\.0\.1:\d+$/, 'the first one is of this machine')
  t.equal(await (await fetch(url)).text(), '{"message":"Hello, World!"}')
  t.equal((await fetch(`${adminUrl}/readyz`)).status, 200)
  child.kill('SIGTERM')
  await exit
  t.equal(lines().length, length + 1, 'these and the line of the request')
  t.equal(stderr(), '', 'no warning')
})

t.test('a bad environment is refused: one fatal line, exit code 1, nothing listens', async (t) => {
  const port = await freePort()
  const { exit, lines, stderr } = await start(t, { PORT: String(port), ADMIN_PORT: String(port), LOG_LEVEL: 'hunter2' })
  t.strictSame(await exit, { code: 1, signal: null })
  const [line, ...more] = lines()
  t.strictSame(more, [])
  t.strictSame(Object.keys(line ?? {}), ['level', 'time', 'msg'])
  t.match(line, { level: 60, msg: /ADMIN_PORT must differ from PORT/ })
  t.match(line, { msg: /LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent/ })
  t.notMatch(JSON.stringify(line), 'hunter2')
  t.equal(stderr(), '')
  await t.rejects(open(`http://127.0.0.1:${port}`), { code: 'ECONNREFUSED' })
})

t.test('lines of .env that cannot be read are one warning, also where a fault follows', async (t) => {
  const cwd = directory(t)
  writeFileSync(join(cwd, '.env'), 'LOG_LEVEL: hunter2\nhunter3\n')
  const warning = { level: 40, msg: /line 1 \(LOG_LEVEL\), 2\. / }
  const { lines, stderr, child, exit } = await start(t, {}, { cwd })
  t.match(lines(), [warning, { level: 30, msg: /listening/ }])
  child.kill('SIGTERM')
  await exit
  const faulty = await start(t, { DOCS: 'maybe' }, { cwd })
  await faulty.exit
  t.match(faulty.lines(), [warning, { level: 60, msg: 'DOCS must be true or false' }])
  t.equal(faulty.lines().length, 2)
  t.notMatch(JSON.stringify([lines(), faulty.lines()]), 'hunter')
  t.equal(stderr(), '')
})

t.test('a port that is taken is named in one fatal line; exit code 1', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = addressOf(taken.address())
  const tries = [{ PORT: String(port) }, { ADMIN_PORT: String(port) }].map(async (env) => {
    const { exit, lines } = await start(t, env)
    t.strictSame(await exit, { code: 1, signal: null })
    t.match(lines(), [{ level: 60, msg: new RegExp(`EADDRINUSE.*:${port}`) }])
    t.equal(lines().length, 1)
  })
  await Promise.all(tries)
})

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  t.test(`${signal} lets a request in flight finish, its reply the last on its connection`, async (t) => {
    const { url, child, exit, lines } = await start(t, {}, { routes: true })
    const sockets = [await open(url), await open(url, 'GET / HT'), await open(url, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')]
    const reply = keepAlive(`${url}/hold?ms=1000`)
    await until(() => lines().some(isInFlight))
    child.kill(signal)
    t.match(await reply, { status: 200, headers: { connection: 'close' }, body: '{"done":true}' })
    t.strictSame(await Promise.race([exit, inTime(1500)]), { code: 0, signal: null }, 'whoever else is connected')
    t.equal(lines().at(-1)?.path, '/hold', 'its line was written')
    for (const socket of sockets) socket.destroy()
  })
}

t.test('while it drains, it is unready and serves on, each reply the last on its connection', async (t) => {
  const { url, adminUrl, child, exit } = await start(t, { DRAIN_DELAY_MS: '1500', ADMIN_PORT: '0' })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const send = async () => {
    const request = get(url, { agent })
    const [response]: IncomingMessage[] = await once(request, 'response')
    const body = String(await response?.toArray())
    return [request.reusedSocket, response?.statusCode, response?.headers.connection, body]
  }
  const body = '{"message":"Hello, World!"}'
  t.same(await send(), [false, 200, 'keep-alive', body])
  child.kill('SIGTERM')
  await until(async () => (await fetch(`${adminUrl}/readyz`)).status === 503)
  t.match(await (await fetch(`${adminUrl}/readyz`)).json(), { status: 503, detail: 'The service is draining.' })
  t.same(await send(), [true, 200, 'close', body])
  t.same(await send(), [false, 200, 'close', body], 'new connections are served too')
  t.strictSame(await exit, { code: 0, signal: null })
  await t.rejects(fetch(url))
})

t.test('past SHUTDOWN_TIMEOUT_MS what is left is cut; exit code 1', async (t) => {
  const { url, child, exit, lines } = await start(t, { SHUTDOWN_TIMEOUT_MS: '1000' }, { routes: true })
  const cut = keepAlive(`${url}/never`)
  t.rejects(cut, { code: 'ECONNRESET' })
  await until(() => lines().some(isInFlight))
  child.kill('SIGTERM')
  t.strictSame(await Promise.race([exit, inTime(4000)]), { code: 1, signal: null })
  t.match(
    lines().find(({ msg }) => msg === 'requests still in flight were cut'),
    { level: 50 }
  )
  t.match(
    lines().find(({ cut }) => cut === 'shutdown'),
    { path: '/never', remoteAddress: '127.0.0.1' }
  )
})

t.test('an uncaught exception: one fatal line, replies in flight finish, exit code 1', async (t) => {
  const { url, exit, lines, stderr } = await start(t, {}, { routes: true })
  const replies = Array.from({ length: 20 }, () => keepAlive(`${url}/hold?ms=1000`))
  keepAlive(`${url}/never`).catch(() => {})
  await until(() => lines().filter(isInFlight).length === 21)
  fetch(`${url}/crash?times=2`).catch(() => {})
  for (const reply of await Promise.all(replies)) t.equal(reply.status, 200)
  t.strictSame(await Promise.race([exit, inTime(7000)]), { code: 1, signal: null }, 'although one never ends')
  t.match(
    lines().filter(({ level }) => level === 60),
    [{ msg: 'uncaught exception', err: { message: 'canary', stack: String } }]
  )
  t.equal(lines().filter(({ level }) => level === 60).length, 1)
  t.match(
    lines().filter(({ msg }) => msg === 'uncaught exception while stopping'),
    [{ level: 50, err: { message: 'canary' } }]
  )
  t.equal(stderr(), '')
})

t.test('a reader of the log that goes away does not stop the service; what is lost is counted', async (t) => {
  const { url, child } = await start(t)
  child.stdout.destroy()
  for (let i = 0; i < 50; i++) t.equal((await fetch(url)).status, 200)
  const metrics = async () => (await fetch(`${url}/metrics`)).text()
  await until(async () => /log_lines_dropped_total [1-9]/.test(await metrics()))
})

t.test('a reader of the log that stalls neither stops nor bloats the service, nor its exit', async (t) => {
  const { url, child, exit } = await start(t)
  child.stdout.pause()
  const path = `/${'x'.repeat(2000)}`
  const rss = async () =>
    Number(/process_resident_memory_bytes (\d+)/.exec(await (await fetch(`${url}/metrics`)).text())?.[1])
  const before = await rss()
  for (let i = 0; i < 90; i++) {
    const replies = await Promise.all(Array.from({ length: 50 }, () => fetch(url + path)))
    for (const { status } of replies) if (status !== 404) t.fail('a request failed')
  }
  const metrics = await (await fetch(`${url}/metrics`)).text()
  t.match(metrics, /log_lines_dropped_total [1-9]\d+/)
  t.ok((await rss()) - before < 64 * 1024 * 1024, 'by less than 64 MiB')
  child.kill('SIGTERM')
  t.strictSame(await Promise.race([once(child, 'exit'), inTime(5000)]), [0, null])
  child.stdout.resume()
  await exit
})

const addressOf = (address: string | AddressInfo | null) => {
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = addressOf(server.address())
  server.close()
  await once(server, 'close')
  return port
}
