import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { exchange, listen, until } from '../helper.ts'

const statuses = (received: string) => [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)
const post = (fields: string, body: string) => `POST /any HTTP/1.1\r\nhost: a\r\n${fields}\r\n\r\n${body}`
const get = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'
const json = 'content-type: application/json\r\ntransfer-encoding: chunked'

t.test('what is malformed gets one answer and a closed connection', async (t) => {
  const { url, lines } = await listen(t)
  const cases: [string, string, ...string[]][] = [
    ['a transfer coding but chunked', post('transfer-encoding: identity', ''), '400'],
    ['a transfer coding in HTTP/1.0', post(json, '0\r\n\r\n').replace('1.1', '1.0'), '400'],
    ['an invalid Host', 'GET / HTTP/1.1\r\nhost: a b\r\n\r\n', '400'],
    ['a fragment', 'GET /#a HTTP/1.1\r\nhost: a\r\n\r\n', '400'],
    ['GET *', 'GET * HTTP/1.1\r\nhost: a\r\n\r\n', '400'],
    ['a URL that cannot be routed', 'GET /% HTTP/1.1\r\nhost: a\r\n\r\n', '400'],
    ['a URL that cannot be routed, then nonsense', 'GET /%\r\n\r\nnonsense\r\n\r\n', '400'],
    ['bad chunks', post(json, '+1\r\n1\r\n0\r\n\r\n'), '400'],
    ['bad chunks that nobody reads', post(json, '+1\r\n').replace('POST /any', 'GET /hold?ms=300'), '400'],
    ['bad chunks behind a reply', post('transfer-encoding: chunked', '+1\r\n1\r\n0\r\n\r\n'), '415'],
    ['nonsense behind a request', 'GET /slow?ms=50 HTTP/1.1\r\nhost: a\r\n\r\nnonsense\r\n\r\n', '200', '400'],
    ['nonsense behind two requests', `${get}${get}nonsense\r\n\r\n`, '200', '200', '400']
  ]
  for (const [name, bytes, ...answers] of cases) t.same(statuses(await exchange(url, bytes)), answers, name)
  const count = cases.flatMap(([, , ...answers]) => answers).length
  await until(async () => (await lines()).filter(({ statusCode }) => statusCode).length === count)
  t.pass('one line each')
})

/** What is answered to `first`, and then to `second` until the connection closes. */
async function inTurn(url: string, first: string, second: string) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).setEncoding('latin1')
  let received = ''
  socket.on('data', (text) => {
    received += text
  })
  socket.write(first)
  await until(() => received !== '')
  const closed = once(socket, 'close')
  socket.write(second)
  await closed
  return statuses(received)
}

t.test('an error in a body whose reply has long gone only closes the connection', async (t) => {
  const { url } = await listen(t)
  t.same(await inTurn(url, post('transfer-encoding: chunked', '1\r\na\r\n'), '+1\r\n'), ['415'])
})

t.test('an error behind a body whose reply has long gone is answered', async (t) => {
  const { url } = await listen(t)
  const get = 'GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab'
  t.same(await inTurn(url, get, 'cdnonsense\r\n\r\n'), ['200', '400'])
})
