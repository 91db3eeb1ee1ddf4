import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Attacks, inParallel } from './attack.ts'
import { freePort } from './service.ts'
import { request } from './wire.ts'

const MiB = 1024 * 1024

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Sends `bytes` on a connection of its own and resets it `ms` later. */
async function reset(port: number, bytes: string, ms: number) {
  const socket = await open(port)
  socket.write(bytes)
  if (ms > 0) await sleep(ms)
  socket.resetAndDestroy()
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

export const attacks: Attacks = {
  async 'handed-over'({ serve }) {
    const adminPort = await freePort()
    const service = await serve({ ADMIN_PORT: String(adminPort) })
    const upgrade = `${get('/').slice(0, -2)}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`
    const heads = [
      'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
      upgrade,
      `${get('/').slice(0, -2)}Expect: x\r\n\r\n`,
      'nonsense\r\n\r\n'
    ]
    const cases = [service.port, adminPort].flatMap((port) =>
      heads.flatMap((head) => [0, 5, 50].flatMap((ms) => Array.from({ length: 10 }, () => ({ port, head, ms }))))
    )
    await inParallel(cases, 20, ({ port, head, ms }) => reset(port, head, ms))
    const { status } = await request(service.url)
    const { status: probe } = await request(`http://127.0.0.1:${adminPort}`, '/livez')
    return {
      tried: `${cases.length} connections reset 0, 5 and 50 ms after CONNECT, an upgrade, an expectation or nonsense, on both listeners`,
      lost: `then ${status} and ${probe}, ${service.alive() ? 'alive' : 'dead'}`,
      limit: '200 and 200, alive',
      pass: status === 200 && probe === 200 && service.alive() && service.stderr() === ''
    }
  },

  async 'pipeline-reset'({ serve, quick }) {
    const service = await serve({ OVERLOAD_DELAY_MS: '0' })
    const count = quick ? 40 : 120
    await inParallel(Array(10), 5, () => reset(service.port, get('/').repeat(500), 20))
    const before = service.memory()
    await inParallel(Array(count), 20, () => reset(service.port, get('/slow?ms=5') + get('/').repeat(499), 5))
    await sleep(1000)
    const { status } = await request(service.url)
    const more = service.memory() - before
    const { code, ms } = await service.stop()
    const lines = service.lines().filter(({ path }) => path)
    const odd = lines.filter(({ statusCode }) => statusCode !== 200 && statusCode !== 499).length
    return {
      tried: `${count} connections that pipeline 500 requests and are reset 5 ms later`,
      lost: `${lines.length} lines, ${odd} of them neither 200 nor 499; ${more.toFixed(0)} MiB more; then ${status}; SIGTERM: ${code} in ${(ms / 1000).toFixed(1)} s`,
      limit: 'a line for each request that was read, 0; 100 MiB; 200; 0 in 5 s',
      pass: lines.length > count && odd === 0 && more < 100 && status === 200 && code === 0 && ms < 5000
    }
  },

  async 'pipeline-large'({ serve }) {
    const service = await serve({ OVERLOAD_DELAY_MS: '0' })
    const before = service.memory()
    const socket = await open(service.port)
    socket.pause().write(get('/large/fresh?bytes=8000000').repeat(400))
    await sleep(3000)
    const more = service.memory() - before
    const { status } = await request(service.url)
    socket.destroy()
    return {
      tried: '400 pipelined requests for 8 MB each, none of it read',
      lost: `${more.toFixed(0)} MiB more; then ${status}`,
      limit: '100 MiB; 200',
      pass: more < 100 && status === 200
    }
  },

  async 'drain-large'({ serve }) {
    const service = await serve()
    const bytes = 60 * MiB
    const socket = await open(service.port)
    let received = 0
    socket.on('data', (data) => {
      received += data.length
      socket.pause()
      setTimeout(() => socket.resume(), data.length / 10_000) // 10 MB/s
    })
    socket.write(get(`/large/fresh?bytes=${bytes}`))
    await once(socket, 'data')
    const ended = service.stop()
    await once(socket, 'close')
    const { code } = await ended
    const [line] = service.lines().filter(({ path }) => path)
    return {
      tried: 'SIGTERM while 60 MiB are sent to a client that reads 10 MB/s',
      lost: `${(received / MiB).toFixed(0)} MiB arrived, exit ${code}, logged ${line?.statusCode}`,
      limit: 'all; 0; 200',
      pass: received > bytes && code === 0 && line?.statusCode === 200
    }
  }
}
