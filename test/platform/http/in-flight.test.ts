import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { build, exchange, listen, start, until } from '../helper.ts'

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nhost: a\r\n${more}\r\n`

async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).on('error', () => {})
  await once(socket, 'connect')
  return socket
}

t.jobs = 4

for (const delay of [0, 5, 50]) {
  t.test(`a client that resets its connection ${delay} ms after CONNECT does not end the process`, async (t) => {
    const { url, adminUrl, child, lines } = await start(t, { ADMIN_PORT: '0' })
    for (const origin of [url, adminUrl]) {
      const socket = await open(origin)
      socket.write('CONNECT example.invalid:443 HTTP/1.1\r\nhost: example.invalid:443\r\n\r\n')
      await sleep(delay)
      socket.resetAndDestroy()
    }
    await until(() => lines().filter(({ code }) => code === 'CONNECT').length === 2)
    t.equal((await fetch(url)).status, 200)
    t.equal((await fetch(`${adminUrl}/livez`)).status, 200)
    t.equal(child.exitCode, null)
    t.notOk(lines().some(({ level }) => Number(level) >= 50))
  })
}

t.test('pipelined requests of a connection that is reset leave one line each and nothing behind', async (t) => {
  const { app, url, lines } = await listen(t)
  const count = 200
  const socket = await open(url)
  socket.write(get('/hold?ms=200') + get('/').repeat(count - 1))
  await until(() => app.inFlight.size === count)
  socket.resetAndDestroy()
  await until(() => app.inFlight.size === 0)
  await until(async () => (await lines()).filter(({ statusCode }) => statusCode).length === count)
  t.strictSame(new Set((await lines()).filter(({ path }) => path).map(({ statusCode }) => statusCode)), new Set([499]))
  t.equal(app.server.listenerCount('timeout'), 1)
})

t.test('pipelined requests are answered in order, one after the other', async (t) => {
  const { url, lines } = await listen(t)
  const received = await exchange(url, get('/slow?ms=300') + get('/items/7') + get('/', 'connection: close\r\n'))
  t.match(received, /"done":true.*"id":"7"/s)
  t.equal(received.match(/HTTP\/1\.1 200/g)?.length, 3)
  t.strictSame(
    (await lines()).flatMap(({ path }) => path ?? []),
    ['/slow', '/items/7', '/']
  )
})

t.test(
  'a request that is read behind the last reply of its connection is not handled, and its line says so',
  async (t) => {
    let handled = 0
    const { app, lines } = await build(t, {}, (app) => {
      app.get('/last', async (_request, reply) => {
        await sleep(50)
        return reply.header('connection', 'close').send('last')
      })
      app.get('/behind', async () => ++handled)
    })
    const received = await exchange(await app.listen(), get('/last') + get('/behind'))
    t.equal(received.match(/HTTP\/1\.1 200/g)?.length, 1)
    t.equal(handled, 0)
    await until(() => app.inFlight.size === 0)
    t.match(
      (await lines()).filter(({ path }) => path),
      [
        { path: '/last', statusCode: 200, msg: 'request completed' },
        { path: '/behind', statusCode: 503, cut: 'closed', msg: 'request cut' }
      ]
    )
  }
)

t.test('a pipelined body is read when its turn has come', async (t) => {
  const { url } = await listen(t)
  const body = JSON.stringify({ name: 'pen' })
  const post = `POST /items HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  const received = await exchange(url, get('/slow?ms=100') + post + post + get('/', 'connection: close\r\n'))
  t.equal(received.match(/"name":"pen"/g)?.length, 2)
  t.equal(received.match(/HTTP\/1\.1 200/g)?.length, 4)
})

t.test('a reader that takes nothing makes the service work on one request, not on all that were sent', async (t) => {
  let handled = 0
  const { app } = await build(t, {}, (app) => {
    app.get('/big', async () => Buffer.alloc(8_000_000, ++handled))
  })
  const socket = await open(await app.listen())
  socket.pause().write(get('/big').repeat(400))
  await until(() => app.inFlight.size >= 100)
  await sleep(100)
  t.equal(handled, 1)
  socket.resume()
  await until(() => handled >= 10, 20_000)
  socket.destroy()
  await until(() => app.inFlight.size === 0)
})

t.test('request.signal aborts when the client goes, and not because a body was read', async (t) => {
  const seen: boolean[] = []
  const { app } = await build(t, {}, (app) => {
    app.post('/wait', async ({ signal }, reply) => {
      await sleep(50)
      seen.push(signal.aborted)
      signal.addEventListener('abort', () => seen.push(signal.aborted))
      return reply
    })
    app.post('/answer', async ({ signal }) => {
      signal.addEventListener('abort', () => seen.push(true))
      return {}
    })
  })
  const url = await app.listen()
  const init = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } }
  t.equal((await fetch(`${url}/answer`, init)).status, 200)
  const gone = new AbortController()
  const call = fetch(`${url}/wait`, { ...init, signal: gone.signal }).catch(() => {})
  await until(() => seen.length === 1)
  gone.abort()
  await call
  await until(() => seen.length === 2)
  t.strictSame(seen, [false, true])
})

t.test('a route may take longer than REQUEST_TIMEOUT_MS, or less, by its own timeout', async (t) => {
  const { app, lines } = await build(t, { REQUEST_TIMEOUT_MS: '1000' }, (app) => {
    const silence = () =>
      Readable.from(
        (async function* () {
          yield 'begun'
          await sleep(3000)
          yield 'ended'
        })()
      )
    app.get('/silent', { config: { timeout: 0 } }, () => silence())
    app.get('/silent-for-long', { config: { timeout: 6000 } }, () => silence())
    app.get('/too-silent', () => silence())
    app.get('/patient', { config: { timeout: 6000 } }, () => sleep(2500, { done: true }))
    app.get('/unlimited', { config: { timeout: 0 } }, () => sleep(2500, { done: true }))
    app.get('/impatient', { config: { timeout: 100 } }, () => sleep(2500, { done: true }))
    app.post('/upload', { config: { timeout: 0 } }, async ({ body }) => body)
    app.post('/long-upload', { config: { timeout: 6000 } }, async ({ body }) => body)
  })
  const url = await app.listen()
  const text = async (path: string) => (await fetch(url + path)).text()
  const head = 'content-type: application/json\r\nconnection: close\r\ncontent-length: 7\r\n\r\n'
  async function upload(path: string) {
    const socket = (await open(url)).setEncoding('utf8')
    let received = ''
    socket.on('data', (data) => {
      received += data
    })
    socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\n${head}{"a"`)
    await sleep(2500)
    socket.write(':1}')
    await once(socket, 'close')
    return received
  }
  await Promise.all([
    text('/silent').then((body) => t.equal(body, 'begunended')),
    text('/silent-for-long').then((body) => t.equal(body, 'begunended')),
    t.rejects(text('/too-silent')),
    fetch(`${url}/patient`).then(({ status }) => t.equal(status, 200)),
    fetch(`${url}/unlimited`).then(({ status }) => t.equal(status, 200)),
    fetch(`${url}/impatient`).then(({ status }) => t.equal(status, 503)),
    upload('/upload').then((received) => t.match(received, / 200 OK.*\{"a":1\}/s)),
    upload('/long-upload').then((received) => t.match(received, / 200 OK.*\{"a":1\}/s))
  ])
  t.match(
    (await lines()).find(({ path }) => path === '/too-silent'),
    { statusCode: 200, cut: 'timeout', msg: 'request cut' }
  )
})
