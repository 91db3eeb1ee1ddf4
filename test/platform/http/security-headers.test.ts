import { readFileSync } from 'node:fs'
import t from 'tap'
import { build } from '../helper.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** The rows of a table in docs/security.md that has `name` and `value` in its first columns. */
function documented(heading: string) {
  const text = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8')
  const section = text.split(/^## /m).find((section) => section.startsWith(`${heading}\n`))
  const rows = [...String(section).matchAll(/^\| `([\w-]+)` \| `([^`]+)` \|/gm)]
  return Object.fromEntries(rows.map(([, name = '', value = '']) => [name, value]))
}

/** What a reply has by its kind, as opposed to for security. */
const ordinary = ['content-type', 'content-length', 'date', 'connection', 'x-request-id', 'allow']

t.test('every reply has the headers that docs/security.md lists, and no other', async (t) => {
  const { app } = await build(t)
  const expected = {
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'cross-origin-resource-policy': 'same-origin',
    'x-frame-options': 'DENY',
    'cache-control': 'no-store'
  }
  t.strictSame(documented('Headers of every reply'), expected)
  for (const url of ['/', '/?name=', '/nowhere', '/%zz', '/livez', '/metrics', '/openapi.json']) {
    const { headers } = await app.inject(url)
    t.match(headers['x-request-id'], uuid, url)
    t.strictSame(
      Object.fromEntries(Object.entries(headers).filter(([name]) => !ordinary.includes(name))),
      expected,
      url
    )
  }
})

t.test('the docs page and its files have the headers that docs/security.md lists', async (t) => {
  const { app } = await build(t)
  const expected = documented('Headers of the docs page')
  t.strictSame(Object.keys(expected), ['content-security-policy', 'permissions-policy'])
  for (const url of ['/docs', '/docs/initializer.js', '/docs/static/swagger-ui.css']) {
    t.match((await app.inject(url)).headers, expected, url)
  }
})

t.test('a route may set its own over them, but not on its errors', async (t) => {
  const { app } = await build(t, {}, (app) => {
    app.get('/cached', async ({ url }, reply) => {
      reply.header('cache-control', 'public, max-age=60')
      if (url.includes('?')) throw new Error('canary')
      return 'kept'
    })
  })
  t.equal((await app.inject('/cached')).headers['cache-control'], 'public, max-age=60')
  t.equal((await app.inject('/cached?fail')).headers['cache-control'], 'no-store')
})

t.test('a request id that came in is kept if it is harmless, else one is made', async (t) => {
  const { app, lines } = await build(t)
  const send = async (id: string) =>
    (await app.inject({ url: '/', headers: { 'x-request-id': id } })).headers['x-request-id']
  t.equal(await send('from-the_Proxy-1'), 'from-the_Proxy-1')
  t.equal((await lines()).at(-1)?.reqId, 'from-the_Proxy-1')
  t.equal(await send('a'.repeat(64)), 'a'.repeat(64))
  for (const id of ['', 'a'.repeat(65), 'a b', 'a\nb', '<script>', 'é', '"'])
    t.match(await send(id), uuid, JSON.stringify(id))
})
