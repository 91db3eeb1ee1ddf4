import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attacks, Context } from './attack.ts'
import { load } from './load.ts'

const CONNECTIONS = 500
const LARGE = 8 * 1024 * 1024

/** 500 connections that send `first` and then `more` every half second, while a normal client sends 100 requests a second. */
async function slow({ serve, quick }: Context, first: string, more: string, read: boolean) {
  const opening = read ? 4 : 8 // seconds; each reply that is not read costs the service 2 to 5 ms of copying
  const limit = quick ? 1000 : 2000
  // Node's timeout for writes starts over once, when a part of the reply has been taken
  const cut = (read ? limit : 2 * (limit + 1000)) / 1000 + 1
  const service = await serve({ REQUEST_TIMEOUT_MS: String(limit), OVERLOAD_DELAY_MS: '0' }) // the rows are about time limits; overload has rows of its own
  const normal = { url: service.url, path: '/', rate: 100 }
  await load({ ...normal, seconds: 1 })
  const quiet = await load({ ...normal, seconds: 2 })

  const before = service.descriptors()
  const sockets: Socket[] = []
  const busy = load({ ...normal, seconds: opening + cut })
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = connect(service.port, '127.0.0.1', () => socket.write(first)).on('error', () => {})
    const dribble = setInterval(() => socket.writable && more !== '' && socket.write(more), 500)
    socket.once('close', () => clearInterval(dribble))
    if (read) socket.resume()
    sockets.push(socket)
    await sleep((opening * 1000) / CONNECTIONS)
  }
  const held = service.descriptors() - before
  const report = await busy
  for (const end = Date.now() + 2000; service.descriptors() > before && Date.now() < end; ) await sleep(50)
  const left = Math.max(0, service.descriptors() - before)
  for (const socket of sockets) socket.destroy()

  const allowed = Math.max(50, 3 * quiet.typical)
  const failed = report.sent - report.ok
  const p99 = `p99 ${report.typical.toFixed(1)} ms (${quiet.typical.toFixed(1)} quiet)`
  return {
    lost: `${failed} of ${report.sent} normal requests, ${p99}; ${left} of ${held} slow connections ${cut + 2} s later`,
    limit: `0; ${allowed.toFixed(0)} ms; 0`,
    timed: true as const,
    pass: failed === 0 && report.typical <= allowed && held > 0 && left === 0 && service.stderr() === ''
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
