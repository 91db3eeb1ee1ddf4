import t from 'tap'
import { build, start } from '../helper.ts'

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
  const { url, adminUrl, lines } = await start(t, { ADMIN_PORT: '0' })
  for (const path of ['/livez', '/readyz', '/metrics']) {
    t.equal((await fetch(adminUrl + path)).status, 200, path)
    t.equal((await fetch(url + path)).status, 404, path)
  }
  t.equal((await fetch(`${adminUrl}/`)).status, 404)
  t.strictSame(new Set(lines().map(({ path }) => path)).has('/livez'), false)
  const { headers } = await fetch(`${adminUrl}/livez`)
  t.match(headers.get('content-security-policy'), "default-src 'none'")
})
