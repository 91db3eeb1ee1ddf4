import t from 'tap'
import { build } from '../helper.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

t.test('every reply has the same security headers', async (t) => {
  const { app } = await build(t)
  for (const url of ['/', '/?name=', '/nowhere', '/%zz', '/livez']) {
    const { headers } = await app.inject(url)
    t.match(
      headers,
      {
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'strict-transport-security': 'max-age=31536000; includeSubDomains',
        'cross-origin-resource-policy': 'same-origin',
        'x-frame-options': 'DENY',
        'cache-control': 'no-store',
        'x-request-id': uuid
      },
      url
    )
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
