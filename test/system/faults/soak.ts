import { once } from 'node:events'
import { connect } from 'node:net'
import type { Attacks } from './attack.ts'
import type { Service } from './service.ts'

const CLIENTS = 8
const PIPELINED = 16

const head = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\nHost: x\r\n`
/** Requests that are answered, on connections that stay open. */
const kinds = [
  `${head('GET', '/')}\r\n`,
  `${head('GET', '/?name=Ada')}\r\n`,
  `${head('GET', '/?name=')}\r\n`,
  `${head('GET', '/nothing?token=x')}\r\n`,
  `${head('DELETE', '/')}\r\n`,
  `${head('POST', '/items')}Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"name":"a"}`,
  `${head('POST', '/items')}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
  `${head('POST', '/any')}Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`
]
/** Requests that end their connection: malformed, or aborted by the client (`null` bytes of reply awaited). */
const ends = [
  { bytes: 'GET / HTTP/1.1\r\n\r\n', abort: false },
  { bytes: 'nonsense\r\n\r\n', abort: false },
  { bytes: `${head('GET', '/%')}\r\n`, abort: false },
  { bytes: `${head('GET', '/slow?ms=50')}\r\n`, abort: true },
  { bytes: `${head('POST', '/any')}Content-Type: text/plain\r\nContent-Length: 9\r\n\r\nabc`, abort: true },
  { bytes: 'GET / HT', abort: true }
]

/** Sends batches on one connection until `next` has none left, then one request that ends it; counts the replies. */
async function connection(port: number, batches: number, ending: (typeof ends)[number]): Promise<number> {
  const socket = connect(port, '127.0.0.1')
    .setNoDelay()
    .on('error', () => {})
  let replies = 0
  let awaited = 0
  let answered = () => {}
  socket.setEncoding('latin1').on('data', (text: string) => {
    replies += text.split('HTTP/1.1 ').length - 1
    if (replies >= awaited) answered()
  })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  for (let i = 0; i < batches && !socket.destroyed; i++) {
    awaited += PIPELINED
    const arrived = new Promise<void>((resolve) => {
      answered = resolve
    })
    socket.write(Array.from({ length: PIPELINED }, (_, j) => kinds[(i + j) % kinds.length]).join(''))
    await Promise.race([arrived, closed])
  }
  if (ending.abort) socket.write(ending.bytes, () => socket.destroy())
  else socket.write(ending.bytes)
  await closed
  return replies
}

async function heap({ child }: Service): Promise<number> {
  child.send('collect')
  const [bytes] = await once(child, 'message')
  return Number(bytes) / 1024 / 1024
}

export const attacks: Attacks = {
  async soak({ serve, quick }) {
    const total = quick ? 100_000 : 1_000_000
    const args = ['--expose-gc', '--import', new URL('../../platform/service/heap.mjs', import.meta.url).href]
    const service = await serve({ OVERLOAD_DELAY_MS: '0' }, { args, stdout: 'leave' })
    let lines = 0
    service.child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++
    })
    const perConnection = 1 + 10 * PIPELINED
    let sent = 0
    let unanswered = 0
    const soak = async (until: number) => {
      const client = async () => {
        while (sent < until) {
          const ending = ends[(sent / perConnection) % ends.length] ?? ends[0]
          sent += perConnection
          if (!ending) continue
          const replies = await connection(service.port, 10, ending)
          const least = perConnection - (ending.abort ? 1 : 0)
          unanswered += Math.max(0, least - replies)
        }
      }
      await Promise.all(Array.from({ length: CLIENTS }, client))
    }
    await soak(total / 5) // caches fill, code is compiled
    const start = { heap: await heap(service), descriptors: service.descriptors() }
    const growth: number[] = []
    for (const share of [0.4, 0.6, 0.8, 1]) {
      await soak(total * share)
      growth.push((await heap(service)) - start.heap)
    }
    const grown = growth.at(-1) ?? Number.NaN
    await new Promise((resolve) => setTimeout(resolve, 500))
    const descriptors = service.descriptors() - start.descriptors
    const dropped = await service.metric('log_lines_dropped_total')
    const counted = await service.metric('http_server_request_duration_seconds_count')
    const { code } = await service.stop()
    const missing = counted - lines - dropped
    return {
      tried: `${sent} requests: sound, 400, 404, 405, bodies, aborted, malformed, ${CLIENTS} connections at a time`,
      lost: `${unanswered} unanswered; heap after collection ${start.heap.toFixed(1)} MiB, then ${growth.map((mib) => `${mib >= 0 ? '+' : ''}${mib.toFixed(1)}`).join(', ')}; ${descriptors} descriptors more; ${dropped} log lines dropped, ${Math.max(0, missing)} missing`,
      limit: '0; +3 MiB; 2; 0; 0',
      pass: unanswered === 0 && grown <= 3 && descriptors <= 2 && dropped === 0 && missing <= 0 && code === 0
    }
  }
}
