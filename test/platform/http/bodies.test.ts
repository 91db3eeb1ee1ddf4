import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { type FastifyInstance, fastify } from 'fastify'
import t from 'tap'
import bodies from '#src/platform/http/bodies'
import { HttpServer } from '#src/platform/http/http-server'
import inFlight from '#src/platform/http/in-flight'
import { exchange, until } from '../helper.ts'

const LIMIT = 100_000 // bytes
type Test = { teardown: (fn: () => unknown) => unknown }

const head = (framing: string, target: string, type = 'application/json') =>
  `POST ${target} HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\n${framing}\r\n\r\n`
const post = (target: string, bytes: number, more = '') =>
  `${head(`${more}content-length: ${bytes}`, target)}"${'a'.repeat(bytes - 2)}"`
const last = 'connection: close\r\n'
/** A string in JSON of `count` chunks of `size` bytes. */
function pieces(target: string, count: number, size: number, type?: string) {
  const text = `"${'a'.repeat(count * size - 2)}"`
  const chunks = text.match(new RegExp(`.{${size}}`, 'g')) ?? []
  const body = chunks.map((chunk) => `${size.toString(16)}\r\n${chunk}\r\n`).join('')
  return `${head(`${last}transfer-encoding: chunked`, target, type)}${body}0\r\n\r\n`
}

/** Routes that answer at once (`/any`), or when `release` is called (`/wait`), under a limit of 100,000 bytes. */
async function serve(t: Test, addRoutes?: (app: FastifyInstance) => void) {
  const warnings: string[] = []
  const stream = { write: (line: string) => void warnings.push(line) }
  const server = new HttpServer({}, (request, response) => app.routing(request, response))
  const app = fastify({ bodyLimit: 5 * LIMIT, logger: { level: 'warn', stream }, serverFactory: () => server })
  await app.register(inFlight)
  await app.register(bodies, { limit: LIMIT })
  let waiting = 0
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const wait = async () => {
    waiting++
    await released
    return {}
  }
  app.post('/wait', wait)
  app.get('/wait', wait)
  app.post('/any', async ({ body }) => ({ length: String(body).length }))
  addRoutes?.(app)
  const url = await app.listen()
  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    release()
    return app.close()
  })
  /** Sends `bytes` on a connection of its own, and resolves when the service has read them. */
  async function send(bytes: string) {
    const accepted = once(app.server, 'connection')
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname).on('error', () => {})
    sockets.push(socket)
    let received = ''
    socket.setEncoding('latin1').on('data', (text) => {
      received += text
    })
    const [peer]: Socket[] = await accepted
    const closed = new Promise((resolve) => socket.once('close', () => resolve(received)))
    socket.write(bytes)
    const read = () => peer?.bytesRead ?? 0
    await until(() => peer?.destroyed === true || read() >= bytes.length)
    return { socket, closed, read }
  }
  const ask = (bytes: number, target = '/any') => exchange(url, post(target, bytes, last))
  /** What Fastify logs as wrong, once all connections are closed. */
  async function wrong() {
    await until(() => server.open.size === 0)
    return warnings
  }
  return { url, send, ask, wrong, release: () => release(), waiting: () => waiting }
}

/** All but the last byte of a body. */
const part = (bytes: number) => post('/any', bytes, last).slice(0, -1)

t.test('beyond the limit, the body that has waited longest for a byte gets 503', async (t) => {
  const { send, wrong } = await serve(t)
  const second = await send(part(40_000).slice(0, -1))
  const first = await send(part(40_000))
  second.socket.write('a')
  await until(() => second.read() === part(40_000).length)
  const third = await send(part(40_000))
  t.match(
    await first.closed,
    /^HTTP\/1\.1 503 .*retry-after: 1\r\n.*connection: close\r\n.*"title":"Service Unavailable"/is
  )
  second.socket.write('"')
  third.socket.write('"')
  t.match(await second.closed, /^HTTP\/1\.1 200 .*{"length":39998}$/s)
  t.match(await third.closed, /^HTTP\/1\.1 200 .*{"length":39998}$/s)
  t.strictSame(await wrong(), [])
})

t.test('a body is held until its handler answers, and is not refused once it is there', async (t) => {
  const { send, ask, release, waiting } = await serve(t)
  const held = [await send(post('/wait', 45_000, last)), await send(post('/wait', 45_000, last))]
  await until(() => waiting() === 2)
  t.match(await ask(45_000), /^HTTP\/1\.1 503 /)
  t.match(await ask(9000), /^HTTP\/1\.1 200 /)
  release()
  for (const { closed } of held) t.match(await closed, /^HTTP\/1\.1 200 /)
  t.match(await ask(90_000), /^HTTP\/1\.1 200 /)
})

t.test('a body is not held while its reply is sent', async (t) => {
  const { send, ask } = await serve(t, (app) => {
    app.post('/stream', async (_request, reply) => reply.send(new PassThrough().on('error', () => {})))
  })
  await send(post('/stream', 90_000))
  t.match(await ask(90_000), /^HTTP\/1\.1 200 /)
})

t.test('a body is not held once its reply has ended past Fastify', async (t) => {
  const { send, ask } = await serve(t, (app) => {
    app.post('/raw', (_request, reply) => void reply.hijack().raw.end('sent'))
  })
  const { socket } = await send(post('/raw', 90_000))
  await until(() => socket.bytesRead > 0)
  t.match(await ask(90_000), /^HTTP\/1\.1 200 /)
})

t.test('a body that is alone may be larger than the limit', async (t) => {
  const { ask } = await serve(t)
  t.match(await ask(3 * LIMIT), /^HTTP\/1\.1 200 /)
  t.match(await ask(3 * LIMIT), /^HTTP\/1\.1 200 /)
})

t.test('a body is not held once its client is gone', async (t) => {
  const { send, ask, waiting } = await serve(t)
  const arriving = await send(part(90_000))
  arriving.socket.resetAndDestroy()
  await until(async () => (await ask(90_000)).startsWith('HTTP/1.1 200 '))
  const answered = await send(post('/wait', 90_000))
  await until(() => waiting() === 1)
  answered.socket.resetAndDestroy()
  await until(async () => (await ask(90_000)).startsWith('HTTP/1.1 200 '))
  const pipelined = await send(
    `GET /wait HTTP/1.1\r\nhost: a\r\n\r\n${post('/any', 30_000)}${post('/any', 30_000)}${post('/wait', 30_000)}`
  )
  await until(() => waiting() >= 2)
  pipelined.socket.resetAndDestroy()
  await until(async () => (await ask(90_000)).startsWith('HTTP/1.1 200 '))
  t.pass('each time the next body was taken')
})

t.test('a body that the handler reads as a stream is not held', async (t) => {
  const { send, ask, waiting } = await serve(t, (app) => {
    app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
    app.post('/upload', async ({ raw }) => {
      let length = 0
      for await (const chunk of raw) length += chunk.length
      return { length }
    })
    app.post('/upload-events', ({ raw }, reply) => {
      let length = 0
      raw.on('data', (chunk) => {
        length += chunk.length
      })
      raw.on('end', () => reply.send({ length }))
    })
  })
  await send(post('/wait', 50_000))
  await until(() => waiting() === 1)
  for (const target of ['/upload', '/upload-events']) {
    const request = post(target, 5 * LIMIT, last).replace('application/json', 'application/octet-stream')
    t.match(await (await send(request)).closed, /^HTTP\/1\.1 200 .*{"length":500000}$/s, target)
  }
  t.match(await ask(40_000), /^HTTP\/1\.1 200 /)
})

t.test('a body in absurdly small pieces gets 400', async (t) => {
  const { url, wrong } = await serve(t)
  for (const [count, size] of [
    [1100, 1],
    [20_000, 1],
    [2500, 8],
    [2500, 32]
  ] as const) {
    const reply = await exchange(url, pieces('/any', count, size))
    t.match(reply, /^HTTP\/1\.1 400 .*connection: close\r\n.*"detail":"The body arrives in too many small pieces\."/is)
  }
  for (const [count, size] of [
    [1000, 1],
    [1100, 8],
    [1500, 32],
    [4000, 64]
  ] as const) {
    t.match(await exchange(url, pieces('/any', count, size)), /^HTTP\/1\.1 200 /, `${count} of ${size} bytes`)
  }
  t.strictSame(await wrong(), [])
})

t.test('a stream in absurdly small pieces is cut, answered or not', async (t) => {
  const { url } = await serve(t, (app) => {
    app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
    app.post('/late', ({ raw }, reply) => void raw.resume().on('end', () => reply.send({})))
    app.post('/early', ({ raw }, reply) => void reply.send(raw.pipe(new PassThrough())))
  })
  const octets = (target: string) => pieces(target, 20_000, 1, 'application/octet-stream')
  t.match(await exchange(url, octets('/late')), /^HTTP\/1\.1 400 /)
  t.notMatch(await exchange(url, octets('/early')), /\r\n0\r\n\r\n$/)
})
