// Replaces three instances behind haproxy, one after the other and twice round, under load. haproxy is told not to try
// again, so that only the drain keeps requests from failing; without a drain delay, which is not asserted, they do.
import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { directory, freePorts, start } from '../platform/helper.ts'

const load = fileURLToPath(new URL('../platform/service/keep-alive-load.mjs', import.meta.url))
const CLIENTS = 20
const LOAD_TIME = 40_000 // ms, and on until the last replacement; without a drain delay only until then
const CHECK_INTERVAL = 500 // ms; two of them take an instance out or in
const DRAIN_DELAY = 2000 // ms; longer than two checks

if (spawnSync('haproxy', ['-v']).status !== 0) {
  console.error('test:rolling needs haproxy')
  process.exit(1)
}

const configuration = (mode: string, port: number, instances: { port: number; adminPort: number }[]) => `
defaults
  mode ${mode}
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  retries 0
frontend clients
  bind 127.0.0.1:${port}
  default_backend service
backend service
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
  default-server check inter ${CHECK_INTERVAL} fall 2 rise 2
${instances.map(({ port, adminPort }, i) => `  server s${i} 127.0.0.1:${port} port ${adminPort}`).join('\n')}
`

/** What the load saw while every instance was replaced twice. `mode` is haproxy's: http, or tcp as kube-proxy works. */
async function roll(mode: string, drainDelay: number) {
  const teardowns: (() => unknown)[] = []
  const t = { teardown: (fn: () => unknown) => teardowns.unshift(fn) }
  try {
    const [port = 0, ...ports] = await freePorts(7)
    const instances = [0, 2, 4].map((i) => ({ port: ports[i] ?? 0, adminPort: ports[i + 1] ?? 0 }))
    const launch = ({ port, adminPort }: { port: number; adminPort: number }) => {
      const environment = {
        PORT: String(port),
        ADMIN_PORT: String(adminPort),
        DRAIN_DELAY_MS: String(drainDelay),
        OVERLOAD_DELAY_MS: ''
      }
      return start(t, environment, { routes: true })
    }
    const running: Awaited<ReturnType<typeof start>>[] = []
    for (const instance of instances) running.push(await launch(instance))

    const file = join(directory(t), 'haproxy.cfg')
    writeFileSync(file, configuration(mode, port, instances))
    const haproxy = spawn('haproxy', ['-db', '-q', '-f', file], { stdio: 'inherit' })
    t.teardown(() => haproxy.kill())
    await sleep(3 * CHECK_INTERVAL)

    const url = `http://127.0.0.1:${port}`
    const loading = promisify(execFile)(process.execPath, [load, url, String(CLIENTS)])
    t.teardown(() => loading.child.kill())
    loading.catch(() => {}) // killed, where a replacement failed
    const enough = sleep(drainDelay > 0 ? LOAD_TIME : 0)
    let replaced = 0
    for (let i = 0; i < 2 * instances.length; i++) {
      await sleep(4 * CHECK_INTERVAL)
      const instance = instances[i % instances.length]
      const old = running[i % instances.length]
      if (!instance || !old) break
      old.child.kill('SIGTERM')
      assert.deepEqual(await old.exit, { code: 0, signal: null })
      running[i % instances.length] = await launch(instance)
      replaced++
    }
    await enough
    assert.equal(loading.child.exitCode, null, 'the load ended before the last replacement')
    loading.child.stdin?.end()
    const { requests, failed, failures } = JSON.parse((await loading).stdout)
    return { mode, 'drain delay': drainDelay, replaced, requests, failed, failures: JSON.stringify(failures) }
  } finally {
    for (const teardown of teardowns) await teardown()
  }
}

const results = []
for (const mode of ['http', 'tcp']) {
  for (const delay of [DRAIN_DELAY, 0]) results.push(await roll(mode, delay))
}
console.table(results)
const lost = results.filter((result) => result['drain delay'] > 0 && result.failed > 0)
console.log(`${2 - lost.length} passed, ${lost.length} failed (of the two with a drain delay)`)
process.exitCode = lost.length === 0 ? 0 : 1
