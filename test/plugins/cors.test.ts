import t from 'tap'
import { build } from '../helper.ts'

const origin = 'https://app.example'
const preflight = { origin, 'access-control-request-method': 'PUT' }
const named = (headers: object) => Object.keys(headers).filter((name) => /^(access-control-|vary$)/.test(name))

t.test('without CORS_ORIGIN no reply has a CORS header, and OPTIONS is a wrong method', async (t) => {
  const { app } = await build(t)
  const reply = await app.inject({ url: '/', headers: { origin } })
  t.strictSame([reply.statusCode, named(reply.headers)], [200, []])
  const options = await app.inject({ method: 'OPTIONS', url: '/', headers: preflight })
  t.strictSame([options.statusCode, named(options.headers)], [405, []])
})

t.test('a page of CORS_ORIGIN may call, errors included; another may not', async (t) => {
  const { app } = await build(t, { CORS_ORIGIN: `${origin},http://localhost:5173` })
  for (const url of ['/', '/?name=', '/nowhere']) {
    const { headers } = await app.inject({ url, headers: { origin } })
    t.match(headers, {
      'access-control-allow-origin': origin,
      vary: 'Origin',
      'access-control-expose-headers': /x-request-id/
    })
  }
  const other = await app.inject({ url: '/', headers: { origin: 'https://evil.example' } })
  t.equal(other.headers['access-control-allow-origin'], undefined)
})

t.test('a preflight is answered; any other OPTIONS stays a wrong method', async (t) => {
  const { app } = await build(t, { CORS_ORIGIN: origin })
  const answer = await app.inject({ method: 'OPTIONS', url: '/', headers: preflight })
  t.equal(answer.statusCode, 204)
  t.match(answer.headers, { 'access-control-allow-origin': origin, 'access-control-allow-methods': /PUT/ })
  for (const [url, status] of [
    ['/', 405],
    ['/nowhere', 404]
  ] as const) {
    const plain = await app.inject({ method: 'OPTIONS', url, headers: { origin } })
    t.equal(plain.statusCode, status)
    t.equal(plain.headers['content-type'], 'application/problem+json')
  }
})
