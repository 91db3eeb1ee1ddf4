import t from 'tap'
import { build, exchange, listen } from '../helper.ts'

const origin = 'https://app.example'
const preflight = { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-a, x-b' }
const named = (headers: object) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => /^(access-control-|vary$)/.test(name)))

const allowed = {
  vary: 'Origin',
  'access-control-allow-origin': origin,
  'access-control-expose-headers': 'x-request-id, retry-after'
}

t.test('without CORS_ORIGIN no reply has a CORS header, and OPTIONS is a wrong method', async (t) => {
  const { app } = await build(t, { CORS_CREDENTIALS: 'true' })
  for (const [url, status] of [
    ['/', 200],
    ['/%', 400]
  ] as const) {
    const reply = await app.inject({ url, headers: { origin } })
    t.strictSame([reply.statusCode, named(reply.headers)], [status, {}], url)
  }
  const options = await app.inject({ method: 'OPTIONS', url: '/', headers: preflight })
  t.strictSame([options.statusCode, named(options.headers)], [405, {}])
  t.notOk(app.hasPlugin('@fastify/cors'))
})

t.test('a page of CORS_ORIGIN may read every reply, errors included; another may not', async (t) => {
  const { app } = await build(t, { CORS_ORIGIN: `${origin},http://localhost:5173` }, (app) => {
    app.get('/throws', () => {
      throw new Error('canary')
    })
    app.post('/bodies', () => ({}))
  })
  const requests = [
    { url: '/', status: 200 },
    { url: '/?name=', status: 400 },
    { url: '/nowhere', status: 404 },
    { url: '/', method: 'PUT', status: 405 },
    { url: '/bodies', method: 'POST', payload: 'a', status: 415 },
    { url: '/throws', status: 500 },
    { url: '/', headers: { host: 'a b' }, status: 400 },
    { url: '/', headers: { host: 'a b', 'access-control-request-method': 'PUT' }, method: 'OPTIONS', status: 400 },
    { url: '/', headers: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x-${i}`, ''])), status: 431 },
    { url: '/%', status: 400 }
  ] as const
  for (const { status, ...request } of requests) {
    const name = JSON.stringify(request).slice(0, 60)
    const send = async (headers: object) =>
      app.inject({ ...request, headers: { ...('headers' in request && request.headers), ...headers } })
    const reply = await send({ origin })
    t.equal(reply.statusCode, status, name)
    t.match(named(reply.headers), allowed, name)
    for (const headers of [{}, { origin: 'https://evil.example' }, { origin: 'null' }]) {
      t.strictSame(named((await send(headers)).headers), { vary: 'Origin' }, name)
    }
  }
})

t.test('what was no request cannot be read by a page', async (t) => {
  const { url } = await listen(t, { CORS_ORIGIN: origin })
  const tooLong = `GET / HTTP/1.1\r\nhost: a\r\norigin: ${origin}\r\na: ${'a'.repeat(20_000)}\r\n\r\n`
  const reply = await exchange(url, tooLong)
  t.match(reply, /^HTTP\/1\.1 431 /)
  t.notMatch(reply, /access-control/i)
})

t.test('CORS_CREDENTIALS lets cookies through, with all replies that a page may read', async (t) => {
  const { app } = await build(t, { CORS_ORIGIN: origin, CORS_CREDENTIALS: 'true' })
  for (const url of ['/', '/%']) {
    const { headers } = await app.inject({ url, headers: { origin } })
    t.strictSame(named(headers), { ...allowed, 'access-control-allow-credentials': 'true' }, url)
    const other = await app.inject({ url, headers: { origin: 'https://evil.example' } })
    t.strictSame(named(other.headers), { vary: 'Origin' }, url)
  }
})

t.test('a preflight is answered before hooks that refuse it, and kept for CORS_MAX_AGE_S', async (t) => {
  for (const [env, seconds] of [
    [{}, '600'],
    [{ CORS_MAX_AGE_S: '0' }, '0']
  ] as const) {
    const { app } = await build(t, { CORS_ORIGIN: origin, ...env }, (app) => {
      app.addHook('onRequest', async (_request, reply) => reply.code(401).send({}))
    })
    for (const url of ['/', '/nowhere']) {
      const reply = await app.inject({ method: 'OPTIONS', url, headers: preflight })
      t.strictSame([reply.statusCode, reply.body], [204, ''])
      t.match(reply.headers, { 'x-request-id': /./, 'x-content-type-options': 'nosniff' })
      t.strictSame(named(reply.headers), {
        ...allowed,
        vary: 'Origin, Access-Control-Request-Headers',
        'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
        'access-control-allow-headers': 'x-a, x-b',
        'access-control-max-age': seconds
      })
    }
  }
})

t.test('any other OPTIONS stays a wrong method, its body unread', async (t) => {
  const { app } = await build(t, { CORS_ORIGIN: origin }, (app) => {
    app.options('/own', () => ({ own: true }))
  })
  const others = [{}, { origin }, { ...preflight, origin: 'https://evil.example' }, { origin, 'content-type': 'a/b' }]
  for (const headers of others) {
    for (const [url, status] of [
      ['/', 405],
      ['/nowhere', 404],
      ['*', 404]
    ] as const) {
      const reply = await app.inject({ method: 'OPTIONS', url, headers, payload: '{' })
      t.strictSame([reply.statusCode, reply.headers.allow], [status, status === 405 ? 'GET, HEAD' : undefined])
      t.equal(reply.headers['content-type'], 'application/problem+json')
      t.notOk('access-control-allow-methods' in reply.headers)
    }
  }
  t.strictSame((await app.inject({ method: 'OPTIONS', url: '/own', headers: { origin } })).json(), { own: true })
})

t.test('a route that varies its reply by more keeps Origin', async (t) => {
  const { app } = await build(t, { CORS_ORIGIN: origin }, (app) => {
    app.get('/vary/:value', ({ params }, reply) => reply.header('vary', Object(params).value).send({}))
    app.get('/vary-list', (_request, reply) => reply.header('vary', ['Accept', 'Cookie']).send({}))
    app.get('/vary-none', (_request, reply) => reply.removeHeader('vary').send({}))
  })
  const vary = async (url: string) => (await app.inject({ url, headers: { origin } })).headers.vary
  t.equal(await vary('/vary/accept'), 'accept, Origin')
  t.equal(await vary('/vary/Accept, origin'), 'Accept, origin')
  t.equal(await vary('/vary/X-Origin'), 'X-Origin, Origin')
  t.equal(await vary('/vary/*'), '*')
  t.equal(await vary('/vary-list'), 'Accept, Cookie, Origin')
  t.equal(await vary('/vary-none'), 'Origin')
})

t.test('the admin listener has no CORS headers', async (t) => {
  const { app } = await build(t, { CORS_ORIGIN: origin, ADMIN_PORT: '0' })
  const { createAdminApp } = await import('#src/platform/create-app')
  const admin = await createAdminApp(app)
  t.teardown(() => admin.close())
  t.strictSame(named((await admin.inject({ url: '/livez', headers: { origin } })).headers), {})
})
