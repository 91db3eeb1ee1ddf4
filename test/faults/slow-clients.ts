import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attacks, Context } from './attack.ts'
import { load } from './load.ts'

const CONNECTIONS = 500
const LARGE = 8 * 1024 * 1024

/** 500 connections that send `first` and then `more` every half second, while a normal client sends 100 requests a second. */
async function slow({ serve, quick }: Context, first: string, more: string, read: boolean) {
  const limit = quick ? 2000 : 4000
  const service = await serve({ REQUEST_TIMEOUT_MS: String(limit) })
  const normal = { url: service.url, path: '/', rate: 100 }
  await load({ ...normal, seconds: 1 })
  const quiet = await load({ ...normal, seconds: 2 })

  const sockets: Socket[] = []
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = connect(service.port, '127.0.0.1', () => socket.write(first)).on('error', () => {})
    if (read) socket.resume()
    sockets.push(socket)
  }
  const dribble = setInterval(() => {
    for (const socket of sockets) if (socket.writable && more !== '') socket.write(more)
  }, 500)
  const busy = await load({ ...normal, seconds: (limit + 2000) / 1000 })
  clearInterval(dribble)
  for (const socket of sockets) socket.resume() // what the service has closed, ends
  await sleep(500)
  const left = sockets.filter(({ closed }) => !closed).length
  for (const socket of sockets) socket.destroy()

  const most = Math.max(50, 3 * quiet.p99)
  const p99 = `p99 ${busy.p99.toFixed(1)} ms (${quiet.p99.toFixed(1)} quiet)`
  return {
    lost: `${busy.sent - busy.ok} of ${busy.sent} normal requests, ${p99}; ${left} slow connections after ${limit / 1000 + 2} s`,
    limit: `0; ${most.toFixed(0)} ms; 0`,
    pass: busy.sent === busy.ok && busy.p99 <= most && left === 0 && service.stderr() === ''
  }
}

const head = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\nHost: x\r\n`

export const attacks: Attacks = {
  'slow-headers': async (context) => ({
    tried: `${CONNECTIONS} connections, a header field every 0.5 s`,
    ...(await slow(context, head('GET', '/'), 'A: b\r\n', true))
  }),
  'slow-body': async (context) => ({
    tried: `${CONNECTIONS} connections, a byte of a body every 0.5 s`,
    ...(await slow(
      context,
      `${head('POST', '/any')}Content-Type: text/plain\r\nContent-Length: 999\r\n\r\n`,
      'a',
      true
    ))
  }),
  'slow-read': async (context) => ({
    tried: `${CONNECTIONS} connections that ask for ${LARGE / 1024 / 1024} MiB and read nothing`,
    ...(await slow(context, `${head('GET', `/large?bytes=${LARGE}`)}\r\n`, '', false))
  })
}
