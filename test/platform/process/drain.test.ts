import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { start, until } from '../helper.ts'

t.jobs = 4

/** A reply of which the head and a first part have come. */
async function begun(url: string) {
  const [reply]: IncomingMessage[] = await once(get(url, { agent: false }), 'response')
  if (!reply) throw new Error('no reply')
  await once(reply, 'readable')
  return reply
}

async function lengthOf(reply: IncomingMessage) {
  let length = 0
  for await (const chunk of reply) length += chunk.length
  return length
}

for (const kind of ['buffer', 'stream', 'file', 'hijacked']) {
  t.test(`a drain lets a reply that is being sent arrive whole: ${kind}`, async (t) => {
    const { url, child, exit, lines } = await start(t, {}, { routes: true })
    const bytes = 16 * 1024 * 1024
    const reply = await begun(`${url}/large/${kind}?bytes=${bytes}`)
    child.kill('SIGTERM')
    await sleep(300) // a slow reader
    t.equal(await lengthOf(reply), bytes)
    t.strictSame(await exit, { code: 0, signal: null })
    t.match(
      lines().filter(({ path }) => path),
      [{ statusCode: 200, msg: 'request completed' }]
    )
  })
}

t.test('streams that end on drain arrive whole and are logged with the status they had', async (t) => {
  const count = 200
  const { url, child, exit, lines } = await start(t, {}, { routes: true })
  const replies = await Promise.all(Array.from({ length: count }, () => begun(`${url}/events`)))
  child.kill('SIGTERM')
  const texts = await Promise.all(replies.map(async (reply) => String(await reply.toArray())))
  t.ok(texts.every((text) => text.endsWith('data: end\n\n')))
  t.strictSame(await exit, { code: 0, signal: null })
  const logged = lines().filter(({ path }) => path === '/events')
  t.equal(logged.length, count)
  t.strictSame(new Set(logged.map(({ statusCode, msg }) => `${statusCode} ${msg}`)), new Set(['200 request completed']))
})

t.test('what is cut at the end of a drain says so in its line', async (t) => {
  const { url, child, exit, lines } = await start(t, { SHUTDOWN_TIMEOUT_MS: '1000' }, { routes: true })
  const reply = await begun(`${url}/large/buffer?bytes=${16 * 1024 * 1024}`)
  reply.on('error', () => {})
  get(`${url}/never`, { agent: false }).on('error', () => {})
  await until(() => lines().some(({ msg }) => msg === 'in flight'))
  child.kill('SIGTERM')
  t.strictSame(await exit, { code: 1, signal: null })
  const cut = lines().filter(({ msg }) => msg === 'request cut')
  t.strictSame(cut.map(({ path, statusCode, level, cut }) => [path, statusCode, level, cut]).sort(), [
    ['/large/buffer', 200, 40, 'shutdown'],
    ['/never', 503, 40, 'shutdown']
  ])
})
