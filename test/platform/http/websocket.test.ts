import { once } from 'node:events'
import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { build, exchange, until } from '../helper.ts'

t.jobs = 4

async function echo(t: Test, env: Record<string, string> = {}, refuse = false) {
  const { app, lines } = await build(t, env, (app: FastifyInstance) => {
    app.register(websocket)
    app.register(async (scope) => {
      if (refuse) scope.addHook('onRequest', (_request, reply) => reply.code(401).send())
      scope.get('/echo', { websocket: true }, (socket) => {
        socket.on('message', (data) => socket.send(String(data)))
      })
    })
  })
  return { app, lines, url: await app.listen() }
}

t.test('a WebSocket is logged once, with 101 and how long it lasted', async (t) => {
  const { app, url, lines } = await echo(t, { REQUEST_TIMEOUT_MS: '1000' })
  const client = new WebSocket(`${url.replace('http', 'ws')}/echo`)
  await once(client, 'open')
  const begun = performance.now()
  await until(() => performance.now() - begun > 2600) // longer than the limits of a request and of a silent connection
  client.send('still here')
  t.equal(String((await once(client, 'message'))[0]), 'still here')
  t.equal(app.inFlight.size, 1)
  client.close()
  await until(async () => (await lines()).some(({ path }) => path === '/echo'))
  t.match(
    (await lines()).filter(({ path }) => path),
    [{ level: 30, path: '/echo', statusCode: 101, msg: 'request completed' }]
  )
  t.ok(Number((await lines()).at(-1)?.responseTime) >= 2500)
  t.equal(app.inFlight.size, 0)
  t.notMatch(app.metrics.requestDuration.text(), '"/echo"', 'it is not counted among the durations of requests')
})

t.test('a refused handshake is logged with its status, and its socket is closed', async (t) => {
  const { app, url, lines } = await echo(t, {}, true)
  const head =
    'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n'
  t.match(await exchange(url, `GET /echo HTTP/1.1\r\nhost: a\r\n${head}\r\n`), /^HTTP\/1\.1 401 /)
  t.match(await exchange(url, `GET /echo HTTP/1.1\r\nhost: a b\r\n${head}\r\n`), /^HTTP\/1\.1 400 /, 'before any hook')
  t.match(
    (await lines()).filter(({ path }) => path),
    [{ statusCode: 401 }, { statusCode: 400 }]
  )
  t.equal(app.inFlight.size, 0)
})

t.test('injectWS works', async (t) => {
  const { app } = await echo(t)
  const socket = await app.injectWS('/echo')
  socket.send('hello')
  t.equal(String((await once(socket, 'message'))[0]), 'hello')
  socket.terminate()
})

t.test('open WebSockets do not keep the app from closing', async (t) => {
  const { app, url, lines } = await echo(t)
  const clients = Array.from({ length: 20 }, () => new WebSocket(`${url.replace('http', 'ws')}/echo`))
  await Promise.all(clients.map((client) => once(client, 'open')))
  const closed = Promise.all(clients.map((client) => once(client, 'close')))
  await app.close()
  await closed
  const logged = (await lines()).filter(({ path }) => path)
  t.strictSame(
    logged.map(({ statusCode }) => statusCode),
    Array(20).fill(101)
  )
})
