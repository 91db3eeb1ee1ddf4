import { execFile, execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const script = fileURLToPath(new URL('./wrk.lua', import.meta.url))
const autocannon = createRequire(import.meta.url).resolve('autocannon/autocannon.js')

/** wrk where there is one: it leaves more of a small machine to the server. */
export const generator = hasWrk() ? 'wrk' : 'autocannon'

function hasWrk() {
  try {
    execFileSync('sh', ['-c', 'command -v wrk'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function wrk(url, connections, seconds) {
  const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url])
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n{')))
}

async function cannon(url, connections, seconds) {
  const { stdout } = await run(process.execPath, [autocannon, '-j', '-n', '-c', connections, '-d', seconds, url])
  const { requests, latency, non2xx, errors, duration } = JSON.parse(stdout)
  return { requests: requests.total, seconds: duration, p50: latency.p50, p99: latency.p99, failed: non2xx + errors }
}

/**
 * Load on `server` from a process of its own, for about `seconds`, over `connections` that are kept alive and each wait
 * for their reply. Latencies in ms; `failed` counts what was answered with anything but a 2xx, or not at all.
 */
export async function load(server, { connections = 50, seconds }) {
  const result = await (generator === 'wrk' ? wrk : cannon)(server.url, connections, seconds)
  return { ...result, rate: result.requests / result.seconds }
}

/** Load, and what the server spent on it: `cpu` in microseconds a request, `rss` at its end in MiB. */
export async function measure(server, options) {
  const before = await server.ask('cpu')
  const result = await load(server, options)
  const after = await server.ask('cpu')
  const cpu = (after.user + after.system - before.user - before.system) / result.requests
  return { ...result, cpu, rss: (await server.ask('rss')) / 2 ** 20 }
}
