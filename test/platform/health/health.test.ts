import t from 'tap'
import { createAdminApp } from '#src/platform/create-app'
import { build } from '../helper.ts'

t.test('a service that is ready is alive and ready', async (t) => {
  const { app, lines } = await build(t)
  t.match(await app.inject('/livez'), { statusCode: 200, body: '{"status":"alive"}' })
  t.match(await app.inject('/readyz'), { statusCode: 200, body: '{"status":"ready"}' })
  t.strictSame(await lines(), [], 'probes are not logged')
})

t.test('readiness says why not', async (t) => {
  const { app } = await build(t)
  for (const phase of ['starting', 'draining'] as const) {
    app.phase = phase
    const reply = await app.inject('/readyz')
    t.equal(reply.statusCode, 503)
    t.match(reply.json(), { status: 503, detail: `The service is ${phase}.` })
    t.equal((await app.inject('/livez')).statusCode, 200)
  }
})

t.test('with ADMIN_PORT, probes and metrics are there and not on PORT', async (t) => {
  const { app, lines } = await build(t, { ADMIN_PORT: '0' })
  const admin = await createAdminApp(app)
  for (const path of ['/livez', '/readyz', '/metrics']) {
    t.equal((await admin.inject(path)).statusCode, 200, path)
    t.equal((await app.inject(path)).statusCode, 404, path)
  }
  t.equal((await admin.inject('/')).statusCode, 404)
  t.strictSame(new Set((await lines()).filter(({ statusCode }) => statusCode === 200)), new Set())
  const { headers } = await admin.inject('/livez')
  t.match(headers['content-security-policy'], "default-src 'none'")
})

t.test('a malformed request for a probe is none, and has its line', async (t) => {
  const { app, lines } = await build(t)
  t.equal((await app.inject({ url: '/livez', headers: { host: 'a b' } })).statusCode, 400)
  t.match(await lines(), [{ path: '/livez', statusCode: 400 }])
})
