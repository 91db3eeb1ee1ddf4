import { setTimeout as sleep } from 'node:timers/promises'
import { owner } from '../../platform/process/owner.ts'
import { type Attacks, inParallel, list, type Row } from './attack.ts'
import { load } from './load.ts'
import { freePort, type Serve } from './service.ts'
import { request } from './wire.ts'

const stopping: NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']

const SHUTDOWN_TIMEOUT_MS = 1500

/**
 * SIGTERM to a service whose owner registers `code`, with and without ADMIN_PORT: it is to exit with 1 within
 * SHUTDOWN_TIMEOUT_MS + 1 s, and say why in one error line that has `word`.
 */
async function stopWith(serve: Serve, word: string, cases: string[]): Promise<Row> {
  const wrong: string[] = []
  let slowest = 0
  for (const code of cases) {
    for (const admin of [{}, { ADMIN_PORT: String(await freePort()) }]) {
      const env = { SHUTDOWN_TIMEOUT_MS: String(SHUTDOWN_TIMEOUT_MS), ...admin }
      const service = await serve(env, { args: owner(code) })
      const ended = await Promise.race([service.stop(), sleep(10_000)])
      await sleep(50)
      const errors = service.lines().filter(({ level }) => Number(level) >= 50)
      slowest = Math.max(slowest, ended?.ms ?? Number.POSITIVE_INFINITY)
      const isRight = ended?.code === 1 && errors.length === 1 && JSON.stringify(errors).includes(word)
      if (!isRight)
        wrong.push(`${code}: ${ended ? (ended.code ?? ended.signal) : 'lives on'}, ${errors.length} error lines`)
    }
  }
  return {
    tried: `SIGTERM where a plugin registers ${cases.join('; ')}`,
    lost: `${list(wrong)}; the slowest took ${(slowest / 1000).toFixed(1)} s`,
    limit: `0; exit 1 and one error line with the cause, in ${(SHUTDOWN_TIMEOUT_MS + 1000) / 1000} s`,
    timed: true,
    pass: wrong.length === 0 && slowest <= SHUTDOWN_TIMEOUT_MS + 1000
  }
}

export const attacks: Attacks = {
  'hooks-throw': ({ serve }) =>
    stopWith(serve, 'canary', [
      "app.addHook('onClose', async () => { throw new Error('canary') })",
      "app.addHook('onClose', () => { throw new Error('canary') })",
      "app.addHook('preClose', async () => { throw new Error('canary') })",
      "process.on('exit', () => { throw new Error('canary') })"
    ]),

  'hooks-hang': ({ serve }) =>
    stopWith(serve, 'hooks did not finish', [
      "app.addHook('onClose', () => new Promise(() => {}))",
      "app.addHook('preClose', () => new Promise(() => {}))"
    ]),

  'hooks-block': ({ serve }) =>
    stopWith(serve, 'blocked', [
      "app.addHook('onClose', () => { for (;;); })",
      "app.addHook('preClose', () => { const wait = () => process.nextTick(wait); wait() })",
      "process.on('exit', () => { for (;;); })"
    ]),

  async 'signals-before-listening'({ serve }) {
    const wrong: string[] = []
    for (const signal of stopping) {
      const code = `app.addHook('preClose', async () => { await sleep(300) })
        app.addHook('onReady', async () => { process.kill(process.pid, '${signal}'); await sleep(100) })`
      const service = await serve({}, { args: owner(code), boot: true })
      const ended = await Promise.race([service.exit, sleep(10_000)])
      const lines = service.lines().length
      if (ended?.code !== 0 || lines > 0 || service.stderr() !== '')
        wrong.push(`${signal}: ${ended ? (ended.code ?? ended.signal) : 'lives on'}, ${lines} lines`)
    }
    return {
      tried: `${stopping.join(', ')} in the last hook before it listens, and a preClose hook that takes 300 ms`,
      lost: list(wrong),
      limit: '0; never listens, exit 0, no output',
      pass: wrong.length === 0
    }
  },

  async 'signals-doubled'({ serve }) {
    const lost: string[] = []
    let sent = 0
    for (const gap of [0, 5, 150]) {
      const service = await serve({ DRAIN_DELAY_MS: '4000', OVERLOAD_DELAY_MS: '0' })
      const normal = load({ url: service.url, path: '/slow?ms=300', rate: 100, seconds: 2 })
      while ((await service.metric('http_server_request_duration_seconds_count')) < 20) await sleep(20)
      service.child.kill('SIGINT')
      await sleep(gap)
      service.child.kill('SIGINT')
      const report = await normal
      const { code } = await service.exit
      sent += report.sent
      if (report.ok !== report.sent || code !== 0) {
        lost.push(`${gap} ms: ${report.sent - report.ok} requests (${report.errors.join(', ')}), exit ${code}`)
      }
    }
    return {
      tried: `SIGINT twice, 0, 5 and 150 ms apart, under ${sent} requests of 300 ms`,
      lost: list(lost),
      limit: '0; exit 0',
      timed: true,
      pass: lost.length === 0
    }
  },

  async 'signals-during-boot'({ serve, quick }) {
    const wrong: string[] = []
    const start = performance.now()
    await serve()
    const boot = performance.now() - start
    const count = quick ? 8 : 15
    const moments = Array.from({ length: count }, (_, i) => Math.round((2 * boot * i) / count))
    const signals = quick ? stopping.slice(0, 1) : stopping
    const tries = moments.flatMap((moment) => signals.map((signal) => ({ moment, signal })))
    await inParallel(tries, 2, async ({ moment, signal }) => {
      const service = await serve({}, { boot: true })
      await sleep(moment)
      const listens = service.lines().length > 0
      const exit = service.stop(signal)
      const ended = await Promise.race([exit, sleep(5000)])
      // Until the service has come to its first lines, the signal has its default effect
      const right = ended && (ended.code === 0 || (!listens && ended.signal === signal))
      if (!right || service.stderr() !== '')
        wrong.push(
          `${signal} after ${moment} ms: ${ended ? (ended.code ?? ended.signal) : 'lives on'} ${service.stderr()}`
        )
    })
    return {
      tried: `${signals.join(', ')} 0 to ${moments.at(-1)} ms after the start (boot ${boot.toFixed(0)} ms), ${tries.length} times`,
      lost: list(wrong),
      limit: '0 that live on, exit non-zero or complain',
      pass: wrong.length === 0
    }
  },

  async 'signals-in-flight'({ serve }) {
    const wrong: string[] = []
    for (const signal of stopping) {
      const service = await serve()
      const reply = request(service.url, '/slow?ms=700')
      await sleep(200)
      const { code, ms } = await service.stop(signal)
      const { status, headers } = await reply
      if (status !== 200 || headers.get('connection') !== 'close' || code !== 0 || ms > 3000)
        wrong.push(`${signal}: ${status}, exit ${code} after ${ms.toFixed(0)} ms`)
    }
    return {
      tried: `${stopping.join(', ')} during a request of 700 ms`,
      lost: list(wrong),
      limit: '0; 200, Connection: close, exit 0',
      pass: wrong.length === 0
    }
  },

  async 'signals-twice'({ serve }) {
    const wrong: string[] = []
    for (const first of stopping)
      for (const second of stopping) {
        const service = await serve({ DRAIN_DELAY_MS: '3000' })
        const reply = request(service.url, '/slow?ms=3000')
        await sleep(200)
        service.child.kill(first)
        await sleep(400) // within 200 ms it would be the same signal
        const { code, ms } = await service.stop(second)
        await reply
        if (code === 0 || code === null || ms > 1000)
          wrong.push(`${first}, ${second}: exit ${code} after ${ms.toFixed(0)} ms`)
      }
    return {
      tried: 'each of them, then each of them again during the drain',
      lost: list(wrong),
      limit: '0; exits at once, non-zero',
      pass: wrong.length === 0
    }
  },

  async 'signals-ignored'({ serve }) {
    const service = await serve({ DRAIN_DELAY_MS: '1000' })
    const normal = load({ url: service.url, path: '/', rate: 50, seconds: 2 })
    for (let i = 0; i < 10; i++) {
      service.child.kill('SIGPIPE')
      await sleep(50)
    }
    const report = await normal
    service.child.kill('SIGTERM')
    await sleep(100)
    service.child.kill('SIGPIPE')
    const { status } = await request(service.url)
    const { code } = await service.exit
    return {
      tried: '10 SIGPIPE under load, one more during the drain',
      lost: `${report.sent - report.ok} of ${report.sent} requests, ${status} during the drain, exit ${code}`,
      limit: '0; 200; 0',
      pass: report.ok === report.sent && status === 200 && code === 0
    }
  },

  async 'kill-and-restart'({ serve, quick }) {
    const port = await freePort()
    const times = quick ? 3 : 10
    let worst = 0
    let lost = 0
    for (let i = 0; i < times; i++) {
      const service = await serve({}, { port })
      const replies = Array.from({ length: 20 }, () => request(service.url, '/slow?ms=5000'))
      await sleep(100)
      await service.kill()
      const start = performance.now()
      const next = await serve({}, { port })
      worst = Math.max(worst, performance.now() - start)
      if ((await request(next.url)).status !== 200) lost++
      await Promise.all(replies)
      await next.kill()
    }
    return {
      tried: `kill -9 with 20 requests in flight, restarted at once on the same port, ${times} times`,
      lost: `${lost} did not come back; the slowest took ${(worst / 1000).toFixed(1)} s`,
      limit: '0; 10 s',
      pass: lost === 0 && worst < 10_000
    }
  },

  async 'port-taken'({ serve }) {
    const first = await serve()
    const second = await serve({}, { port: first.port, boot: true })
    const ended = await Promise.race([second.exit, sleep(10_000)])
    await sleep(50)
    const lines = second.lines()
    const named = lines.length === 1 && lines[0]?.level === 60 && String(lines[0]?.msg).includes(String(first.port))
    const { status } = await request(first.url)
    return {
      tried: 'a second service on the same port',
      lost: `exit ${ended?.code}, ${lines.length} lines, the port ${named ? 'named' : 'not named'}; the first answers ${status}`,
      limit: '1; 1, named; 200',
      pass: ended?.code === 1 && named && status === 200
    }
  }
}
