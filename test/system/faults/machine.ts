import { existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Attacks, inParallel } from './attack.ts'
import { load } from './load.ts'
import type { Service } from './service.ts'
import { request } from './wire.ts'

/** For what counts every reply: a machine that is busy elsewhere would have some of them shed. */
const neverShed = { OVERLOAD_DELAY_MS: '0' }

/** Hands the service to a shell, which runs `setting` first. */
const shell = (setting: string) => ['sh', '-c', `${setting} exec "$0" "$@"`]

/** What a service that has warmed up does once it has lost the reader of its stdout. */
async function withoutReader(service: Service, lose = () => {}, seconds = 0) {
  const path = `/${'a'.repeat(900)}` // makes long lines
  const send = async (requests: number) => {
    let failed = 0
    await inParallel(Array(requests).keys(), 20, async () => {
      const { status } = await request(service.url, path)
      if (status !== 404) failed++
    })
    return failed
  }
  await send(2000)
  lose()
  const before = service.memory()
  const end = performance.now() + 1000 * seconds
  let count = 0
  let failed = 0
  do {
    failed += await send(1000)
    count += 1000
  } while (performance.now() < end)
  const grown = service.memory() - before
  const dropped = await service.metric('log_lines_dropped_total')
  const { code, signal, ms } = await service.stop()
  return {
    lost: `${failed} of ${count} requests; ${dropped} lines counted as dropped; ${grown.toFixed(0)} MiB more; SIGTERM: ${code ?? signal} in ${(ms / 1000).toFixed(1)} s`,
    limit: '0; at least 1; 64 MiB; 0 in 5 s',
    pass: failed === 0 && dropped > 0 && grown <= 64 && code === 0 && ms < 5000 && service.stderr() === ''
  }
}

function libfaketime(): string {
  const places = ['x86_64-linux-gnu/', 'aarch64-linux-gnu/', '']
  const found = places.map((place) => `/usr/lib/${place}faketime/libfaketimeMT.so.1`).find(existsSync)
  if (!found) throw new Error('libfaketime is not installed (Debian: faketime)')
  return found
}

export const attacks: Attacks = {
  async 'blocked-loop'({ serve }) {
    const service = await serve()
    const normal = { url: service.url, path: '/', rate: 50 }
    const quiet = await load({ ...normal, seconds: 2 })
    const during = load({ ...normal, seconds: 5 })
    await sleep(1500)
    const { status } = await request(service.url, '/burn?ms=2000')
    const report = await during
    const after = await load({ ...normal, seconds: 2 })
    const lost = report.failed + after.sent - after.ok
    const allowed = Math.max(50, 3 * quiet.typical)
    return {
      tried: 'the event loop blocked for 2 s, 50 requests a second meanwhile',
      lost: `${lost} requests without an answer, ${report.shed} of ${report.sent} shed; p99 afterwards ${after.typical.toFixed(1)} ms`,
      limit: `0; ${allowed.toFixed(0)} ms`,
      timed: true,
      pass: status === 200 && lost === 0 && report.errors.length === 0 && after.typical <= allowed && service.alive()
    }
  },

  async memory({ serve }) {
    const service = await serve({}, { args: ['--max-old-space-size=64'] })
    const start = performance.now()
    let answered = 0
    while (service.alive() && answered < 500 && (await request(service.url, '/leak')).status === 200) answered++
    await Promise.race([service.exit, sleep(5000)])
    const seconds = (performance.now() - start) / 1000
    const { exitCode, signalCode } = service.child
    const died = (exitCode !== null && exitCode !== 0) || signalCode === 'SIGABRT'
    const said = /heap out of memory/.test(service.stderr())
    return {
      tried: '--max-old-space-size=64 and a route that leaks 0.8 MB a request',
      lost: `died with ${signalCode ?? exitCode} after ${answered} requests, ${seconds.toFixed(1)} s; stderr ${said ? 'says why' : 'is silent'}`,
      limit: 'non-zero, in 30 s, says why',
      pass: died && said && seconds < 30
    }
  },

  async 'stdout-closed'({ serve }) {
    const service = await serve(neverShed)
    const lose = () => service.child.stdout?.destroy()
    return { tried: 'the reader of stdout goes away', ...(await withoutReader(service, lose)) }
  },

  async 'stdout-stalled'({ serve, quick }) {
    const service = await serve(neverShed, { stdout: 'leave' })
    service.child.stdout?.resume()
    const lose = () => service.child.stdout?.pause()
    const seconds = quick ? 8 : 20
    return { tried: `the reader of stdout stalls for ${seconds} s`, ...(await withoutReader(service, lose, seconds)) }
  },

  async 'stdout-full'({ serve }) {
    const service = await serve(neverShed, { command: ['sh', '-c', 'exec "$0" "$@" > /dev/full'] })
    return { tried: 'stdout is /dev/full', ...(await withoutReader(service)) }
  },

  async clock({ serve }) {
    const file = join(tmpdir(), `clock-${process.pid}`)
    const jump = (offset: string) => writeFileSync(file, `${offset}\n`)
    jump('+0')
    const service = await serve({
      ...neverShed,
      LD_PRELOAD: libfaketime(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1'
    })
    const normal = load({ url: service.url, path: '/slow?ms=300', rate: 50, seconds: 4 })
    for (const offset of ['+3600', '-3600']) {
      await sleep(1500)
      jump(offset)
    }
    const report = await normal
    const { code } = await service.stop()
    const lines = service.lines().filter(({ responseTime }) => responseTime !== undefined)
    const times = lines.map(({ responseTime }) => Number(responseTime))
    const wrong = times.filter((time) => !(time >= 0 && time < 5000)).length
    const stamps = lines.map(({ time }) => Number(time))
    const jumped = (Math.max(...stamps) - Math.min(...stamps)) / 3_600_000
    return {
      tried: `the clock jumps an hour forth, then back (${jumped.toFixed(1)} h between log lines), requests of 300 ms in flight`,
      lost: `${report.sent - report.ok} of ${report.sent} requests, ${wrong} durations below 0 or above 5 s`,
      limit: '0',
      pass: jumped >= 1 && report.ok === report.sent && times.length >= report.sent && wrong === 0 && code === 0
    }
  },

  async descriptors({ serve }) {
    const service = await serve({}, { command: shell('ulimit -n 64;') })
    let answered = 0
    const sockets = Array.from({ length: 200 }, () => {
      const socket = connect(service.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
      return socket.on('error', () => {}).once('data', () => answered++)
    })
    await sleep(1500)
    for (const socket of sockets) socket.destroy()
    const start = performance.now()
    while ((await request(service.url, '/', 500)).status !== 200 && performance.now() - start < 5000) await sleep(20)
    const seconds = (performance.now() - start) / 1000
    const { code } = await service.stop()
    return {
      tried: 'ulimit -n 64, 200 keep-alive connections',
      lost: `${answered} answered, the others refused; a new client answered ${seconds.toFixed(1)} s after; SIGTERM: ${code}`,
      limit: 'no crash; 2 s; 0',
      pass: answered > 10 && answered < 64 && seconds <= 2 && code === 0
    }
  }
}
