import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attacks } from './attack.ts'
import { load } from './load.ts'
import type { Service } from './service.ts'
import { parseReplies, request } from './wire.ts'

/**
 * Seconds until a new client is answered; Infinity if not within ten, or if the descriptors are not back to `before` by
 * then. They may take longer: where the kernel's queue overflows, it hands over connections whose client has gone and
 * whose end it learns from a FIN that is sent again, seconds later.
 */
async function recovery({ url, descriptors }: Service, before: number): Promise<number> {
  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1000
  while ((await request(url, '/', 1000)).status !== 200) if (seconds() > 10) return Number.POSITIVE_INFINITY
  const answered = seconds()
  for (; descriptors() > before + 2; await sleep(20)) if (seconds() > 10) return Number.POSITIVE_INFINITY
  return answered
}

/** Resolves when `socket` is connected, or is not going to be. */
function settled(socket: Socket) {
  if (!socket.connecting) return
  return new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
}

/** Descriptors of a service that has just started and served. */
async function calm({ url, descriptors }: Service) {
  await request(url)
  await sleep(100)
  return descriptors()
}

export const attacks: Attacks = {
  async 'idle-flood'({ serve, quick }) {
    const [most, attempts] = quick ? [2000, 2400] : [10_000, 12_000]
    const service = await serve({ MAX_CONNECTIONS: String(most) })
    const before = await calm(service)
    const sockets: Socket[] = []
    for (let i = 0; i < attempts; i++) {
      sockets.push(connect(service.port, '127.0.0.1').on('error', () => {}))
      if (i % 200 === 199) await Promise.all(sockets.slice(-200).map((socket) => settled(socket)))
    }
    await sleep(300)
    const open = service.descriptors() - before
    for (const socket of sockets) socket.destroy()
    const seconds = await recovery(service, before)
    return {
      tried: `${attempts} idle connections against MAX_CONNECTIONS=${most}`,
      lost: `${open} were open; normal ${seconds.toFixed(1)} s after, descriptors back`,
      limit: `${most}; 2 s, descriptors 10 s`,
      timed: true,
      pass: open <= most && open >= most * 0.9 && seconds <= 2 && service.stderr() === ''
    }
  },

  async churn({ serve, quick }) {
    const seconds = quick ? 3 : 10
    const service = await serve()
    const before = await calm(service)
    const normal = load({ url: service.url, path: '/', rate: 50, seconds })
    const start = performance.now()
    let opened = 0
    const connecting = new Set<Socket>()
    const drop = [
      (socket: Socket) => socket.destroy(),
      (socket: Socket) => socket.resetAndDestroy(),
      (socket: Socket) => socket.write('GET / HT', () => socket.resetAndDestroy()),
      (socket: Socket) => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n', () => socket.resetAndDestroy())
    ]
    while (performance.now() - start < seconds * 1000) {
      const due = Math.min(opened + 200, ((performance.now() - start) / 1000) * 5000)
      for (; opened < due; opened++) {
        const socket = connect(service.port, '127.0.0.1').on('error', () => {})
        connecting.add(socket.once('close', () => connecting.delete(socket)))
        socket.once('connect', () => drop[opened % drop.length]?.(socket))
      }
      await sleep(5)
    }
    for (const socket of connecting) socket.destroy() // or they would try again for 7 s
    const report = await normal
    const back = await recovery(service, before)
    return {
      tried: `${opened} connections opened and dropped in ${seconds} s: closed, reset, reset in mid-request`,
      lost: `${report.failed} of ${report.sent} normal requests; normal ${back.toFixed(1)} s after, descriptors back`,
      limit: '0; 2 s, descriptors 10 s',
      timed: true,
      pass: opened > 1000 && report.failed === 0 && back <= 2 && service.alive() && service.stderr() === ''
    }
  },

  async pipeline({ serve }) {
    const count = 10_000
    const service = await serve()
    const before = await calm(service)
    const memory = service.memory()
    const socket = connect(service.port, '127.0.0.1')
      .setEncoding('latin1')
      .on('error', () => {})
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    const line = (i: number) =>
      `GET /?name=${i} HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${i}\r\n${i === count - 1 ? 'Connection: close\r\n' : ''}\r\n`
    socket.write(Array.from({ length: count }, (_, i) => line(i)).join(''))
    await Promise.race([new Promise((resolve) => socket.once('close', resolve)), sleep(20_000)])
    socket.destroy()
    const back = await recovery(service, before)
    const { replies } = parseReplies(text)
    const inOrder = replies.filter(({ headers }, i) => headers.get('x-request-id') === String(i)).length
    const right = replies.filter(
      ({ status, body }, i) => status === 503 || body === `{"message":"Hello, ${i}!"}`
    ).length
    const shed = replies.filter(({ status }) => status === 503).length
    const grown = service.memory() - memory
    return {
      tried: `${count} requests pipelined on one connection`,
      lost: `${count - inOrder} replies missing or out of order, ${replies.length - right} wrong, ${shed} shed; normal ${back.toFixed(1)} s after; ${grown.toFixed(0)} MiB more`,
      limit: '0; 0; 2 s, descriptors 10 s; 150 MiB',
      pass: inOrder === count && right === count && back <= 2 && grown <= 150 && service.stderr() === ''
    }
  },

  async 'pipelined-files'({ serve }) {
    const limit = 128
    const bundle = '/docs/static/swagger-ui-bundle.js'
    const cases: [path: string, connections: number, requests: number][] = [
      [bundle, 1, 400],
      [bundle, 100, 4],
      ['/openapi.json', 1, 400],
      ['/metrics', 1, 400]
    ]
    const found: string[] = []
    let pass = true
    for (const [path, connections, requests] of cases) {
      const service = await serve({ DOCS: 'true', OVERLOAD_DELAY_MS: '0' })
      await request(service.url, path)
      const descriptors = await calm(service)
      const before = service.memory()
      const sockets = Array.from({ length: connections }, () => {
        const socket = connect(service.port, '127.0.0.1').on('error', () => {})
        socket.pause()
        socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(requests))
        return socket
      })
      let most = 0
      for (const end = performance.now() + 3000; performance.now() < end; await sleep(20)) {
        most = Math.max(most, service.memory() - before)
      }
      const { status } = await request(service.url)
      for (const socket of sockets) socket.destroy()
      const back = await recovery(service, descriptors)
      found.push(`${connections} x ${requests} ${path} ${most.toFixed(0)} MiB, normal ${back.toFixed(1)} s after`)
      pass &&= most <= limit && status === 200 && back <= 2 && service.stderr() === ''
    }
    return {
      tried: 'pipelined requests for a file of the docs page, the document and metrics, from clients that read nothing',
      lost: found.join('; '),
      limit: `${limit} MiB; 2 s, descriptors 10 s`,
      pass
    }
  },

  async scrapes({ serve, quick }) {
    const seconds = quick ? 4 : 10
    const found: string[] = []
    let pass = true
    for (const path of ['/metrics', '/readyz']) {
      const service = await serve()
      const flood = load({ url: service.url, path, clients: 100, seconds: seconds + 2 })
      await sleep(1000)
      const { sent, ok, shed, failed, typical } = await load({ url: service.url, path: '/', rate: 100, seconds })
      const answered = await flood
      const lost = `${shed} of ${sent} normal requests shed, ${failed} failed, p99 ${typical.toFixed(0)} ms`
      found.push(`${path} ${answered.ok} times: ${lost}`)
      pass &&= shed + failed === 0 && ok === sent && typical <= 250 && answered.ok === answered.sent
    }
    return {
      tried: '100 clients that ask for metrics and for readiness again and again, on the public port',
      lost: found.join('; '),
      limit: '0; 0; 250 ms',
      timed: true,
      pass
    }
  }
}
