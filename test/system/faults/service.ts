import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Line } from '../../platform/helper.ts'
import { request } from './wire.ts'

type Options = {
  /** Arguments for node. */
  args?: string[]
  /** What runs node: it is handed node and its arguments. */
  command?: string[]
  /** `leave`: nobody reads stdout. */
  stdout?: 'collect' | 'leave' | 'ignore'
  port?: number
  /** Return as soon as the process is there. */
  boot?: boolean
}
export type Service = Awaited<ReturnType<typeof launch>>
export type Serve = (env?: Record<string, string>, options?: Options) => Promise<Service>

const routes = new URL('../../platform/service/routes.mjs', import.meta.url).href
const { scripts } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
const flags: string[] = scripts.start.split(' ').slice(1, -1)
const fixture = fileURLToPath(new URL('../../platform/service/server.mjs', import.meta.url))

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const answers = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })

async function launch(server: string, env: Record<string, string>, options: Options) {
  const { args = [], command = [], stdout = 'collect', port = await freePort() } = options
  const cwd = mkdtempSync(join(tmpdir(), 'faults-'))
  const [file = '', ...rest] = [...command, process.execPath, ...flags, '--import', routes, ...args, server]
  const child: ChildProcess = spawn(file, rest, {
    cwd,
    env: { PORT: String(port), ...env },
    stdio: ['ignore', stdout === 'ignore' ? 'ignore' : 'pipe', 'pipe', 'ipc']
  })
  let out = ''
  let err = ''
  if (stdout === 'collect')
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      out += text
    })
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    err += text
  })
  const started = performance.now()
  const exit = once(child, 'exit').then(([code, signal]) => {
    rmSync(cwd, { recursive: true, force: true })
    return { code: code as number | null, signal: signal as string | null, ms: performance.now() - started }
  })
  const url = `http://127.0.0.1:${port}`
  const alive = () => child.exitCode === null && child.signalCode === null
  const pid = child.pid ?? 0
  const service = {
    child,
    exit,
    url,
    port,
    alive,
    stderr: () => err,
    lines: (): Line[] =>
      out
        .slice(0, out.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    /** The value of a metric, its series added up. */
    async metric(name: string) {
      const { body } = await request(url, '/metrics')
      const series = body.split('\n').filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)))
      return series.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    },
    descriptors: () => readdirSync(`/proc/${pid}/fd`).length,
    /** Resident memory in MiB. */
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
    /** Sends `signal`; resolves with the exit and how long it took, in ms. */
    async stop(signal: NodeJS.Signals = 'SIGTERM') {
      const from = performance.now()
      child.kill(signal)
      const { code, signal: by } = await exit
      return { code, signal: by, ms: performance.now() - from }
    },
    async kill() {
      child.kill('SIGKILL')
      await exit
    }
  }
  if (options.boot) return service
  for (const end = Date.now() + 20_000; !(await answers(port)); await sleep(20)) {
    if (!alive() || Date.now() > end) throw new Error(`the service does not listen: ${out}${err}`)
  }
  return service
}

/** Starts services from `server`, the file to run; `end` kills all of them. */
export function services(server = fixture) {
  const started: Service[] = []
  const serve: Serve = async (env = {}, options = {}) => {
    const service = await launch(resolve(server), env, options)
    started.push(service)
    return service
  }
  const end = async () => {
    for (const service of started.splice(0)) await service.kill()
  }
  return { serve, end }
}
