import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { directory, start } from './helper.ts'

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

const inTime = (ms: number) => sleep(ms, { code: `none within ${ms} ms` }, { ref: false })

t.test('it says where it listens, in one line, and nothing else', async (t) => {
  const { url, lines, stderr, child, exit } = await start(t, { HOST: '0.0.0.0' })
  t.match(url, /^http:\/\/0\.0\.0\.0:\d+$/)
  t.equal(await (await fetch(url.replace('0.0.0.0', '127.0.0.1'))).text(), '{"message":"Hello, World!"}')
  t.strictSame(lines()[0], { level: 30, time: lines()[0]?.time, msg: `Server listening at ${url}` })
  child.kill('SIGTERM')
  await exit
  t.equal(lines().length, 2, 'this one and the line of the request')
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

t.test('.env is read where there is one, and a real variable wins over it', async (t) => {
  const cwd = directory(t)
  writeFileSync(join(cwd, '.env'), 'HOST=0.0.0.0\nREQUEST_TIMEOUT_MS=\n')
  t.match((await start(t, {}, { cwd })).url, '//0.0.0.0:')
  t.match((await start(t, { HOST: '' }, { cwd })).url, '//0.0.0.0:', 'an empty variable counts as unset')
  t.match((await start(t, { HOST: '127.0.0.1' }, { cwd })).url, '//127.0.0.1:')
})

t.test('a port that is taken is named in one fatal line; exit code 1', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = addressOf(taken.address())
  for (const env of [{ PORT: String(port) }, { ADMIN_PORT: String(port) }]) {
    const { exit, lines } = await start(t, env)
    t.strictSame(await exit, { code: 1, signal: null })
    t.match(lines(), [{ level: 60, msg: new RegExp(`EADDRINUSE.*:${port}`) }])
    t.equal(lines().length, 1)
  }
})

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  t.test(`${signal} lets a request in flight finish, its reply the last on its connection`, async (t) => {
    const { url, child, exit, lines } = await start(t, {}, { routes: true })
    const sockets = [await open(url), await open(url, 'GET / HT'), await open(url, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')]
    const reply = keepAlive(`${url}/slow?ms=1000`)
    await sleep(300)
    child.kill(signal)
    t.match(await reply, { status: 200, headers: { connection: 'close' }, body: '{"done":true}' })
    t.strictSame(await Promise.race([exit, inTime(1500)]), { code: 0, signal: null }, 'whoever else is connected')
    t.equal(lines().at(-1)?.path, '/slow', 'its line was written')
    for (const socket of sockets) socket.destroy()
  })
}

t.test('while it drains, it is unready and serves on; then it refuses connections', async (t) => {
  const { url, adminUrl, child, exit } = await start(t, { DRAIN_DELAY_MS: '800', ADMIN_PORT: '0' })
  child.kill('SIGTERM')
  await sleep(200)
  t.match(await (await fetch(`${adminUrl}/readyz`)).json(), { status: 503, detail: 'The service is draining.' })
  const during = await keepAlive(url)
  t.match(during, { status: 200, body: '{"message":"Hello, World!"}' })
  t.strictSame(await exit, { code: 0, signal: null })
  await t.rejects(fetch(url))
})

t.test('past SHUTDOWN_TIMEOUT_MS what is left is cut; exit code 1', async (t) => {
  const { url, child, exit, lines } = await start(t, { SHUTDOWN_TIMEOUT_MS: '1000' }, { routes: true })
  const cut = keepAlive(`${url}/never`)
  t.rejects(cut, { code: 'ECONNRESET' })
  await sleep(200)
  child.kill('SIGTERM')
  t.strictSame(await Promise.race([exit, inTime(4000)]), { code: 1, signal: null })
  t.match(lines().at(-1), { level: 50, msg: 'requests still in flight were cut' })
})

t.test('a second signal exits at once, with 1', async (t) => {
  const { url, child, exit } = await start(t, {}, { routes: true })
  keepAlive(`${url}/never`).catch(() => {})
  await sleep(200)
  child.kill('SIGTERM')
  await sleep(200)
  child.kill('SIGINT')
  t.strictSame(await Promise.race([exit, inTime(2000)]), { code: 1, signal: null })
})

t.test('an uncaught exception: one fatal line, replies in flight finish, exit code 1', async (t) => {
  const { url, exit, lines, stderr } = await start(t, {}, { routes: true })
  const replies = Array.from({ length: 20 }, () => keepAlive(`${url}/slow?ms=600`))
  await sleep(300)
  fetch(`${url}/crash`).catch(() => {})
  fetch(`${url}/crash`).catch(() => {})
  for (const reply of await Promise.all(replies)) t.equal(reply.status, 200)
  t.strictSame(await Promise.race([exit, inTime(5000)]), { code: 1, signal: null })
  t.match(
    lines().filter(({ level }) => level === 60),
    [{ msg: 'uncaught exception', err: { message: 'canary', stack: String } }]
  )
  t.equal(lines().filter(({ level }) => level === 60).length, 1)
  t.equal(stderr(), '')
})

t.test('a crash with a request that never ends still exits within 5 s', async (t) => {
  const { url, exit } = await start(t, {}, { routes: true })
  keepAlive(`${url}/never`).catch(() => {})
  fetch(`${url}/crash`).catch(() => {})
  t.strictSame(await Promise.race([exit, inTime(7000)]), { code: 1, signal: null })
})

t.test('a reader of the log that goes away does not stop the service; what is lost is counted', async (t) => {
  const { url, child } = await start(t)
  child.stdout.destroy()
  for (let i = 0; i < 50; i++) t.equal((await fetch(url)).status, 200)
  await sleep(300)
  t.match(await (await fetch(`${url}/metrics`)).text(), /log_lines_dropped_total [1-9]/)
})

t.test('a reader of the log that stalls neither stops nor bloats the service, nor its exit', async (t) => {
  const { url, child, exit } = await start(t, {}, { routes: true })
  child.stdout.pause()
  const path = `/${'x'.repeat(8000)}`
  const rss = async () =>
    Number(/process_resident_memory_bytes (\d+)/.exec(await (await fetch(`${url}/metrics`)).text())?.[1])
  const before = await rss()
  for (let i = 0; i < 2000; i++) if ((await keepAliveFetch(url + path)) !== 404) t.fail('a request failed')
  const metrics = await (await fetch(`${url}/metrics`)).text()
  t.match(metrics, /log_lines_dropped_total [1-9]\d+/)
  t.ok((await rss()) - before < 64 * 1024 * 1024, 'by less than 64 MiB')
  child.kill('SIGTERM')
  t.strictSame(await Promise.race([once(child, 'exit'), inTime(5000)]), [0, null])
  child.stdout.resume()
  await exit
})

const keepAliveFetch = async (url: string) => {
  const reply = await fetch(url)
  await reply.arrayBuffer()
  return reply.status
}

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
