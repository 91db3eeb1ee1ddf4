import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { build, listen, until } from '../helper.ts'

t.test('one line a request, with these fields and no query', async (t) => {
  const { app, lines } = await build(t)
  await app.inject('/?name=secret')
  const [line, ...more] = await lines()
  t.strictSame(more, [])
  t.strictSame(Object.keys(line ?? {}), [
    'level',
    'time',
    'reqId',
    'method',
    'path',
    'route',
    'statusCode',
    'responseTime',
    'remoteAddress',
    'msg'
  ])
  t.match(line, { level: 30, method: 'GET', path: '/', route: '/', statusCode: 200, remoteAddress: '127.0.0.1' })
  t.match(line, { time: Number, responseTime: Number, msg: 'request completed' })
})

t.test('an error inside is a line of level error with the error', async (t) => {
  const { app, lines } = await build(t, {}, (app) => {
    app.get('/fail/:id', async () => {
      throw new Error('canary')
    })
  })
  const reply = await app.inject('/fail/7')
  t.match(await lines(), [
    { level: 50, route: '/fail/:id', path: '/fail/7', statusCode: 500, err: { message: 'canary' } }
  ])
  t.match(reply.json(), { requestId: (await lines())[0]?.reqId })
})

t.test('whatever a handler logs as `req` does not fail it; of a request it has no query', async (t) => {
  const { app, lines } = await build(t, {}, (app) => {
    app.get('/logs', async (request) => {
      for (const req of [request, { id: 7 }, null]) request.log.info({ req })
      return {}
    })
  })
  t.equal((await app.inject('/logs?secret')).statusCode, 200)
  const logged = (await lines()).slice(0, 3).map(({ req }) => req)
  t.strictSame(logged, [{ method: 'GET', path: '/logs' }, { id: 7 }, null])
})

t.test('a client that goes away leaves one line with 499, and is counted', async (t) => {
  const { url, lines } = await listen(t)
  const leaving = request(`${url}/hold?ms=500`).on('error', () => {})
  leaving.end()
  await until(async () => (await lines()).some(({ msg }) => msg === 'in flight'))
  leaving.destroy()
  await until(async () => (await lines()).some(({ statusCode }) => statusCode === 499))
  await sleep(600) // the handler has answered to nobody
  t.equal((await lines()).filter(({ path }) => path === '/hold').length, 1)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  t.match(
    metrics,
    /request_duration_seconds_count\{http_request_method="GET",http_route="\/hold",http_response_status_code="499"\} 1/
  )
})

t.test('a reply that breaks off inside is an error, with the status that was sent', async (t) => {
  const { url, lines } = await listen(t)
  await t.rejects(fetch(`${url}/stream-error`).then((reply) => reply.text()))
  await until(async () => (await lines()).some(({ path }) => path === '/stream-error'))
  t.match((await lines()).at(-1), { level: 50, statusCode: 200, err: { message: 'canary' } })
})

t.test('behind a trusted proxy the address is the client’s, otherwise the peer’s', async (t) => {
  const headers = { 'x-forwarded-for': '203.0.113.7' }
  const trusting = await build(t, { TRUST_PROXY: 'loopback' })
  await trusting.app.inject({ url: '/', headers })
  t.match(await trusting.lines(), [{ remoteAddress: '203.0.113.7' }])
  const plain = await build(t)
  await plain.app.inject({ url: '/', headers })
  t.match(await plain.lines(), [{ remoteAddress: '127.0.0.1' }])
})

t.test('hostile ids, paths and queries stay within their line', async (t) => {
  const { app, lines } = await build(t)
  const hostile = ['\n{"level":60}', '"}', '\u2028', '\u0000', '%0a%0d', '\u001b[31m', '../../etc', "'--", '<script>']
  for (let i = 0; i < 1000; i++) {
    const text = encodeURIComponent(`${hostile[i % hostile.length]}${i}`)
    await app.inject({ url: `/${text}?secret=${text}`, headers: { 'x-request-id': hostile[i % hostile.length] ?? '' } })
  }
  const written = await lines() // throws where a line is no JSON
  t.equal(written.length, 1000)
  t.notMatch(JSON.stringify(written), 'secret')
})

t.test('no line names a query, whatever the framework has to say', async (t) => {
  const { app, lines } = await build(t, {}, (app) => {
    app.get('/twice', async ({ log, raw }, reply) => {
      log.info({ req: raw }, 'asked')
      reply.send({})
      reply.send({})
      return reply
    })
  })
  await app.inject('/twice?token=%22\\\\"secret?')
  const written = await lines()
  t.match(written[0], { req: { method: 'GET', path: '/twice' } })
  t.match(written[1], { level: 40, msg: 'reply was already sent' })
  t.notMatch(JSON.stringify(written), 'secret')
})
