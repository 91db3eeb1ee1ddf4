import { once } from 'node:events'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import t from 'tap'
import { exchange, listen, until } from '../helper.ts'

t.jobs = 7

/** Tells how long `received` took, in ms; generous, as the machine may be busy. */
async function timed<T>(received: Promise<T>) {
  const begun = performance.now()
  return { value: await received, took: performance.now() - begun }
}

t.test('a request that does not arrive within REQUEST_TIMEOUT_MS gets 408', async (t) => {
  const { url, lines } = await listen(t, { REQUEST_TIMEOUT_MS: '1000' })
  const half = [
    'GET / HTTP/1.1\r\nhost: a\r\n',
    'POST /items HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"na'
  ]
  const answers = await Promise.all(half.map((bytes) => timed(exchange(url, bytes))))
  for (const { value, took } of answers) {
    t.match(value, /^HTTP\/1\.1 408 Request Timeout\r\n/)
    t.match(value, /\r\nconnection: close\r\n/i)
    t.match(value, /"title":"Request Timeout","status":408/)
    t.ok(took >= 950 && took < 2500, `within limit + 1.5 s: ${took}`)
  }
  await until(async () => (await lines()).filter(({ statusCode }) => statusCode === 408).length === 2)
  t.equal((await lines()).length, 3, 'one line each')
})

t.test('a reader that takes nothing of a large reply is cut off', async (t) => {
  const { url, lines } = await listen(t, { REQUEST_TIMEOUT_MS: '1000' })
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).on('error', () => {})
  socket.write('GET /large?bytes=50000000 HTTP/1.1\r\nhost: a\r\n\r\n')
  const logged = async () => (await lines()).filter(({ path }) => path)
  await until(async () => (await logged()).length > 0)
  t.match(await logged(), [{ path: '/large', level: 40, statusCode: 200, cut: 'timeout', msg: 'request cut' }])
  socket.destroy()
})

t.test('an idle connection is closed after KEEP_ALIVE_TIMEOUT_MS', async (t) => {
  const { url } = await listen(t, { KEEP_ALIVE_TIMEOUT_MS: '1000' })
  const { value, took } = await timed(exchange(url, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'))
  t.match(value, /Keep-Alive: timeout=1\r\n/)
  t.ok(took >= 950 && took < 4000, `${took}`)
})

t.test('a connection beyond MAX_CONNECTIONS is closed, the others are served', async (t) => {
  const { app, url } = await listen(t, { MAX_CONNECTIONS: '2' })
  const { hostname, port } = new URL(url)
  const held = [connect(Number(port), hostname), connect(Number(port), hostname)]
  const accepted = () => promisify(app.server.getConnections.bind(app.server))()
  await until(async () => (await accepted()) === 2)
  t.equal(await exchange(url, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'), '')
  const [one] = held
  one?.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  const [bytes] = one ? await once(one, 'data') : []
  t.match(String(bytes), /^HTTP\/1\.1 200 OK/)
  for (const socket of held) socket.destroy()
})

t.test('a request to upgrade is answered in HTTP/1.1, the last on its connection', async (t) => {
  const { url } = await listen(t)
  const request = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n'
  t.match(await exchange(url, request), /^HTTP\/1\.1 200 OK.*connection: close/s)
})

t.test('an unknown expectation is no reason to refuse', async (t) => {
  const { url } = await listen(t)
  const request = 'GET / HTTP/1.1\r\nhost: a\r\nexpect: a-miracle\r\nconnection: close\r\n\r\n'
  t.match(await exchange(url, request), /^HTTP\/1\.1 200 OK.*x-request-id/s)
})
