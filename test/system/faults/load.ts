// A process of its own, so that neither the attacker nor the service delays it: sends GET requests and reports.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** `rate`: so many a second, whatever becomes of them (open loop). `clients`: so many, each waiting for its reply. */
type Load = { url: string; path: string; seconds: number } & ({ rate: number } | { clients: number })
/**
 * Times in ms, of replies with status 200; `good` came within a second, `failed` got no reply within ten.
 * `typical` is the median of the p99 of each second: what else the machine does moves a lone p99 too much.
 */
export type Report = {
  seconds: number
  sent: number
  ok: number
  good: number
  shed: number
  failed: number
  p50: number
  p99: number
  typical: number
  errors: string[]
}

async function run(load: Load): Promise<Report> {
  const agent = new Agent({ keepAlive: true })
  const times: number[] = []
  const bySecond: number[][] = []
  const errors = new Set<string>()
  let sent = 0
  let shed = 0
  let failed = 0
  const send = () =>
    new Promise<void>((resolve) => {
      const start = performance.now()
      sent++
      const request = get(`${load.url}${load.path}`, { agent, timeout: 10_000 }, (response) => {
        response.resume().on('end', () => {
          if (response.statusCode === 200) {
            const second = Math.floor((start - begun) / 1000)
            bySecond[second] ??= []
            bySecond[second].push(performance.now() - start)
            times.push(performance.now() - start)
          } else if (response.statusCode === 503) shed++
          else errors.add(String(response.statusCode))
          resolve()
        })
      })
      request.on('timeout', () => request.destroy(new Error('no reply')))
      request.on('error', (error: Error & { code?: string }) => {
        failed++
        errors.add(error.code ?? error.message)
        resolve()
      })
    })
  const begun = performance.now()
  const elapsed = () => (performance.now() - begun) / 1000
  const pending: Promise<void>[] = []
  if ('clients' in load) {
    const client = async () => {
      while (elapsed() < load.seconds) await send()
    }
    await Promise.all(Array.from({ length: load.clients }, client))
  } else {
    while (elapsed() < load.seconds) {
      for (const due = Math.floor(elapsed() * load.rate); sent < due; ) pending.push(send())
      await sleep(2)
    }
  }
  const seconds = elapsed()
  await Promise.all(pending)
  agent.destroy()
  const quantile = (values: number[], q: number) =>
    values.sort((a, b) => a - b)[Math.floor(values.length * q)] ?? Number.NaN
  const good = times.filter((time) => time <= 1000).length
  return {
    seconds,
    sent,
    ok: times.length,
    good,
    shed,
    failed,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    typical: quantile(
      bySecond.map((second) => quantile(second, 0.99)),
      0.5
    ),
    errors: [...errors]
  }
}

const file = fileURLToPath(import.meta.url)

/** Runs `load` in a process of its own. */
export async function load(load: Load): Promise<Report> {
  const child = fork(file, { serialization: 'advanced', execArgv: ['--import', import.meta.resolve('tsx')] })
  try {
    child.send(load)
    const [report] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error('the load generator died')))
    ])
    return report
  } finally {
    child.kill()
  }
}

if (process.argv[1] === file && process.send) {
  process.once('message', async (message: Load) => process.send?.(await run(message)))
}
