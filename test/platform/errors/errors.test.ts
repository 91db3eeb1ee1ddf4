import createError from 'http-errors'
import t from 'tap'
import { build, exchange, listen, start, until } from '../helper.ts'

type Case = { name: string; status: number; send: string; allow?: string; errors?: unknown; level?: number }

const get = (target: string, more = '') => `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${more}\r\n`
const post = (body: string, more = '', method = 'POST /items') =>
  `${method} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n${more}content-length: ${body.length}\r\n\r\n${body}`
const chunked = (body: string) =>
  `POST /items HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`

const limit = 256
const tooLarge = JSON.stringify({ name: 'a'.repeat(limit + 1 - '{"name":""}'.length) })
const inBody = (path: string) => [{ in: 'body', path, message: String }]

const cases: Case[] = [
  { name: 'a thrown Error', status: 500, level: 50, send: get('/throw/error') },
  { name: 'a frozen Error', status: 500, level: 50, send: get('/throw/frozen') },
  { name: 'an Error whose getters throw', status: 500, level: 50, send: get('/throw/getter') },
  { name: 'a header that cannot be sent', status: 500, level: 50, send: get('/bad-header') },
  { name: 'a thrown string', status: 500, level: 50, send: get('/throw/string') },
  { name: 'a thrown null', status: 500, level: 50, send: get('/throw/null') },
  { name: 'a thrown error with status 502', status: 500, level: 50, send: get('/throw/status?code=502') },
  { name: 'a thrown error with a status that is none', status: 500, level: 50, send: get('/throw/status?code=200') },
  {
    name: 'an http-error with a status that has no name',
    status: 599,
    level: 50,
    send: get('/throw/http-error?code=599')
  },
  {
    name: 'a thrown error of a validation of its own',
    status: 400,
    send: get('/throw/validation'),
    errors: [{ in: 'body', path: '/own', message: 'is not valid' }]
  },
  { name: 'a path that a handler does not find', status: 404, send: get('/not-found') },
  { name: 'an unknown path', status: 404, send: get('/nowhere/secret') },
  { name: 'a wrong method', status: 405, allow: 'GET, HEAD', send: post('{}', '', 'DELETE /') },
  {
    name: 'a wrong method on a path with a parameter',
    status: 405,
    allow: 'GET, HEAD, PUT',
    send: get('/items/1').replace('GET', 'PATCH')
  },
  { name: 'OPTIONS', status: 405, allow: 'GET, HEAD', send: get('/').replace('GET', 'OPTIONS') },
  { name: 'CONNECT', status: 405, allow: '', send: get('a:443').replace('GET', 'CONNECT') },
  {
    name: 'a query that does not fit',
    status: 400,
    send: get('/?name='),
    errors: [{ in: 'query', path: '/name', message: String }]
  },
  { name: 'a body that does not fit', status: 400, send: post('{"name":7}'), errors: inBody('/name') },
  { name: 'a number as text', status: 400, send: post('{"name":"a","count":"1"}'), errors: inBody('/count') },
  { name: 'an unknown field', status: 400, send: post('{"name":"a","secret":1}'), errors: inBody('') },
  { name: 'malformed JSON', status: 400, send: post('{"name": secret}') },
  { name: 'an empty JSON body', status: 400, send: post('') },
  { name: '__proto__', status: 400, send: post('{"name":"a","__proto__":{"secret":1}}') },
  { name: 'constructor.prototype', status: 400, send: post('{"name":"a","constructor":{"prototype":{"secret":1}}}') },
  { name: 'a body one byte over the limit', status: 413, send: post(tooLarge) },
  { name: 'a chunked body one byte over the limit', status: 413, send: chunked(tooLarge) },
  { name: 'an unknown content type', status: 415, send: post('secret').replace('application/json', 'text/secret') },
  { name: 'text', status: 415, send: post('secret').replace('application/json', 'text/plain') },
  {
    name: 'a content type with a tab',
    status: 415,
    send: post('{"name":"a"}').replace('application/json', 'application/json\ta')
  },
  { name: 'a malformed URL', status: 400, send: get('/%zz') },
  { name: 'a long parameter', status: 414, send: get(`/items/${'a'.repeat(101)}`) },
  { name: '20 KB of header fields', status: 431, send: get('/', `secret: ${'a'.repeat(20_000)}\r\n`) },
  { name: '1,000 header fields', status: 431, send: get('/', 'a:b\r\n'.repeat(1000 - 2)) },
  { name: 'more header fields', status: 431, send: get('/', 'a:b\r\n'.repeat(1000)) },
  { name: 'no HTTP at all', status: 400, send: 'secret\r\n\r\n' },
  { name: 'two Host fields', status: 400, send: get('/', 'host: secret\r\n') },
  { name: 'no Host field', status: 400, send: 'GET / HTTP/1.1\r\n\r\n' },
  { name: 'HTTP/0.9', status: 400, send: 'GET / HTTP/0.9\r\nhost: a\r\n\r\n' },
  { name: 'HTTP/2.0', status: 400, send: 'GET / HTTP/2.0\r\nhost: a\r\n\r\n' },
  { name: 'a bad chunk size', status: 400, send: chunked('{}').replace('\r\n2\r\n', '\r\nsecret\r\n') }
]

const securityHeaders = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store'
}

function parse(received: string) {
  const [head = '', body = ''] = received.split(/\r\n\r\n(.*)/s)
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => line.split(/: (.*)/, 2)).map(([name = '', value]) => [name.toLowerCase(), value])
  )
  return { status: Number(statusLine.split(' ')[1]), headers, problem: JSON.parse(body) }
}

t.test('every error has one shape, the headers of any reply, a log line, and gives nothing away', async (t) => {
  const service = await start(t, { BODY_LIMIT_BYTES: String(limit) }, { routes: true })
  t.jobs = cases.length
  const tests = cases.map(({ name, status, send, allow, errors, level = 30 }) =>
    t.test(`${name}: ${status}`, async (t) => {
      const { status: received, headers, problem } = parse(await exchange(service.url, send))
      t.equal(received, status)
      t.equal(headers['content-type'], 'application/problem+json')
      t.match(headers, { ...securityHeaders, 'x-request-id': problem.requestId, connection: 'close' })
      t.equal(headers.allow, allow)
      const keys = ['type', 'title', 'status', 'detail', 'requestId']
      t.strictSame(Object.keys(problem), errors ? [...keys, 'errors'] : keys)
      t.match(problem, { type: 'about:blank', title: String, status, detail: String, requestId: /^[\w-]{36}$/ })
      if (errors) t.match(problem.errors, errors)
      t.notMatch(JSON.stringify({ headers, problem }), /canary|secret|\/work|node_modules|Error:|FST_|HPE_/)

      const logged = () => service.lines().filter(({ reqId }) => reqId === problem.requestId)
      await until(() => logged().length > 0)
      t.match(logged(), [{ level, statusCode: status, remoteAddress: '127.0.0.1' }])
      t.equal(logged().length, 1)
      t.equal('err' in (logged()[0] ?? {}), level === 50)
    })
  )
  await Promise.all(tests)
  t.match(JSON.stringify(service.lines()), 'canary', 'the log has the truth')
  t.match(JSON.stringify(service.lines()), /\/src\/platform\/[\w/-]+\.ts:\d+/, 'in terms of the sources')
  t.equal(service.stderr(), '')
})

const fail = async () => {
  throw new Error('canary')
}
const stages = ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'preSerialization', 'onSend'] as const

for (const stage of stages) {
  t.test(`the hook ${stage}, where it always fails, gives nothing away`, async (t) => {
    const { app, lines } = await build(t, {}, (app) => {
      app.get('/answers', { [stage]: fail }, async () => ({}))
      app.get('/throws', { [stage]: fail }, fail)
      app.get('/refuses', { [stage]: fail }, async () => {
        throw createError(409, 'taken')
      })
    })
    for (const url of stage === 'onSend' ? ['/answers', '/throws', '/refuses'] : ['/answers']) {
      const reply = await app.inject(url)
      t.equal(reply.statusCode, 500)
      t.match(reply.headers, { ...securityHeaders, 'content-type': 'application/problem+json' })
      t.equal(reply.headers['content-length'], String(reply.body.length))
      t.match(reply.json(), { title: 'Internal Server Error', requestId: reply.headers['x-request-id'] })
      t.notMatch(reply.body, 'canary')
      t.match((await lines()).at(-1), { level: 50, statusCode: 500, err: { message: 'canary' } })
    }
  })
}

t.test('a hook that wraps what is sent wraps no problem', async (t) => {
  const { app } = await build(t, {}, (app) => {
    app.addHook('preSerialization', async (_request, _reply, data) => ({ data }))
    app.get('/throws', fail)
  })
  for (const url of ['/throws', '/nowhere']) t.match((await app.inject(url)).json(), { title: String, status: Number })
})

t.test('what an onResponse hook throws is in the log', async (t) => {
  const { app, lines } = await build(t, {}, (app) => void app.get('/hooked', { onResponse: fail }, async () => ({})))
  t.equal((await app.inject('/hooked')).statusCode, 200)
  t.match(
    (await lines()).filter(({ level }) => level === 50),
    [{ err: { message: 'canary' } }]
  )
})

t.test('an error after the head was sent past Fastify cuts the reply, in one line', async (t) => {
  const { url, lines } = await listen(t)
  t.match(await exchange(url, get('/raw-head')), /^HTTP\/1\.1 200 OK.*part\r\n$/s)
  await until(async () => (await lines()).some(({ path }) => path === '/raw-head'))
  t.match(await lines(), [{}, { level: 50, statusCode: 200, err: { message: 'canary' } }])
})

t.test('HEAD gets the status of an error and no body', async (t) => {
  const { url } = await listen(t)
  t.match(
    await exchange(url, 'HEAD /nowhere HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'),
    /^HTTP\/1.1 404 .*\r\n\r\n$/s
  )
})

t.test('0 as the body limit refuses every body that would be read, as the document says', async (t) => {
  const { app, url } = await listen(t, { BODY_LIMIT_BYTES: '0' })
  const withBody = async (head: string) => {
    const rest = 'host: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n1'
    return (await exchange(url, `${head} HTTP/1.1\r\n${rest}`)).slice(9, 12)
  }
  t.equal(await withBody('POST /items'), '413')
  t.equal(await withBody('DELETE /'), '413')
  t.equal(await withBody('GET /'), '200', 'no limit applies to the body of GET: it is never read')
  t.equal(await withBody('HEAD /'), '200')
  t.notOk(413 in (await app.inject('/openapi.json')).json().paths['/'].get.responses)
})
