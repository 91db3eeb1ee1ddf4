import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { build, exchange, listen } from '../helper.ts'

const origin = { CORS_ORIGIN: 'https://app.example.com' }
const post = (target: string, fields: string) =>
  `${target} HTTP/1.1\r\nhost: a\r\norigin: https://app.example.com\r\ncontent-type: application/json\r\n${fields}\r\n\r\n`

t.test('an unmatched request is answered before its body, as the last on its connection', async (t) => {
  const { url, lines } = await listen(t, origin)
  const requests: [string, number, string][] = [
    ['POST /nowhere', 404, 'content-length: 65536'],
    ['POST /nowhere', 404, 'transfer-encoding: chunked'],
    ['DELETE /items/1', 405, 'content-length: 65536'],
    ['GET /nowhere', 404, 'content-length: 65536']
  ]
  for (const [target, status, fields] of requests) {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname).setEncoding('latin1')
    socket.write(post(target, fields))
    const [reply] = await once(socket, 'data')
    t.match(reply, new RegExp(`^HTTP/1\\.1 ${status} .*\\r\\nconnection: close\\r\\n`, 'is'), `${target}, ${fields}`)
    t.match(reply, 'access-control-allow-origin: https://app.example.com')
    t.equal(/\r\nallow: GET, HEAD, PUT\r\n/.test(reply), status === 405)
    socket.write('a'.repeat(100_000)) // is discarded
    await once(socket, 'end')
    socket.destroy()
  }
  const logged = (await lines()).slice(1).map(({ statusCode }) => statusCode)
  t.strictSame(logged, [404, 404, 405, 404])
})

t.test('an unmatched request without a body keeps its connection', async (t) => {
  const { url } = await listen(t)
  const requests = ['POST /nowhere', 'POST /', 'GET /nowhere'].map((target) => post(target, 'content-length: 0'))
  const last = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'
  t.match(
    await exchange(url, requests.join('') + last),
    /^HTTP\/1.1 404 .*HTTP\/1.1 405 .*HTTP\/1.1 404 .*HTTP\/1.1 200 /s
  )
})

t.test('a handler of its own for what a scope does not match gets the body', async (t) => {
  const { app } = await build(t, {}, (app) => {
    app.register(
      async (scope) => {
        scope.setNotFoundHandler(({ body }, reply) => reply.code(404).send({ body }))
      },
      { prefix: '/scope' }
    )
  })
  const payload = { a: 1 }
  t.strictSame((await app.inject({ method: 'POST', url: '/scope/nowhere', payload })).json(), { body: payload })
  t.match((await app.inject({ method: 'POST', url: '/nowhere', payload })).json(), { title: 'Not Found' })
})

t.test('the methods of a path are found however it is encoded', async (t) => {
  const { app } = await build(t, {}, (app) => {
    app.put('/items/:id', async () => ({}))
    app.delete('/items/:id/%', async () => ({}))
    app.patch('/a b', async () => ({}))
  })
  for (const [url, allow] of [
    [`/items/${'%E3%81%82'.repeat(90)}`, 'PUT'],
    ['/items/%2f%3F%23', 'PUT'],
    ['/items/a/%25', 'DELETE'],
    ['/a%20b?c=%25', 'PATCH'],
    ['http://a/items/%25', 'PUT']
  ] as const) {
    const reply = await app.inject(url)
    t.match([reply.statusCode, reply.headers.allow], [405, allow], url.slice(0, 20))
  }
})
