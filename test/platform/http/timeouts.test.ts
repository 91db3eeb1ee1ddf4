import t from 'tap'
import { exchange, listen, until } from '../helper.ts'

t.jobs = 4
const env = { REQUEST_TIMEOUT_MS: '1000' }

t.test('a handler that never answers gets 503 and its signal aborts', async (t) => {
  const { url, lines } = await listen(t, env)
  const begun = performance.now()
  const reply = await fetch(`${url}/never`)
  const took = performance.now() - begun
  t.equal(reply.status, 503)
  t.match(await reply.json(), { title: 'Service Unavailable', status: 503 })
  t.ok(took >= 950 && took < 3000, `${took}`)
  await until(async () => (await lines()).some(({ msg }) => msg === 'signal aborted'))
  t.match(
    (await lines()).find(({ statusCode }) => statusCode === 503),
    { level: 50, err: { code: 'HANDLER_TIMEOUT' } }
  )
})

t.test('a handler that answers when its signal aborts is heard', async (t) => {
  const { url } = await listen(t, env)
  const reply = await fetch(`${url}/at-abort`)
  t.strictSame([reply.status, await reply.json()], [200, { done: false }])
})

t.test('one that answers too late is in the log, not on the wire', async (t) => {
  const { url, lines } = await listen(t, env)
  t.equal((await fetch(`${url}/slow?ms=2500`)).status, 503)
  await until(async () => (await lines()).some(({ level }) => level === 40))
  t.equal((await fetch(url)).status, 200)
})

t.test('a reply that has begun may go on as long as it moves', async (t) => {
  const { url } = await listen(t, env)
  const reply = await fetch(`${url}/drip?ms=3000`)
  t.match(await reply.text(), /^\.{15,}$/)
})

t.test('a body that never arrives gets 408 while the app closes too', async (t) => {
  const { app, url, lines } = await listen(t, env)
  const head = 'POST /items HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{'
  const answer = exchange(url, head)
  await until(() => app.inFlight.size === 1)
  await app.close()
  t.match(await answer, /^HTTP\/1\.1 408 .*connection: close/s)
  t.match((await lines()).at(-1), { level: 30, statusCode: 408 })
})
