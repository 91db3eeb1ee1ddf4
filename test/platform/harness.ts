import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { loadConfig } from '#src/platform/config/load-config'
import type { EnvironmentSchema } from '#src/platform/config/schema'
import type { PlatformConfig } from '#src/platform/config/variables'
import { createApp, type Service } from '#src/platform/create-app'
import { LogDestination } from '#src/platform/logging/destination'
import { createLogger } from '#src/platform/logging/logger'

export type Line = Record<string, unknown>
type Teardown = { teardown: (fn: () => unknown) => unknown }
type Environment = Record<string, string>
type StartOptions = { cwd?: string; routes?: boolean; args?: string[] }

/** Nothing is shed, as here the loop is late for reasons of its own; with an empty value the default applies. */
const calm = { OVERLOAD_DELAY_MS: '0' }
const server = fileURLToPath(new URL('./service/server.mjs', import.meta.url))
const routes = new URL('./service/routes.mjs', import.meta.url).href
const START_TIMEOUT = 30_000 // ms; a start takes 300 to 1000, and 10 s were once too few on a starved machine

const parse = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

/** What `read` returns in a directory that has no `.env`. */
function withoutDotenv<T>(read: () => T): T {
  const cwd = process.cwd()
  process.chdir(fileURLToPath(new URL('.', import.meta.url)))
  try {
    return read()
  } finally {
    process.chdir(cwd)
  }
}

/** The values of `env`, and of the defaults, for the variables in `schema`. No `.env` is read. */
export const load = <Config>(schema: EnvironmentSchema, env: Environment): Config =>
  withoutDotenv(() => loadConfig<EnvironmentSchema, Config>(schema, env))

/** What is tested: the service, and its variables. */
export type Subject = { service: Service; schema: EnvironmentSchema }

/** The app of `subject`, with the lines it logs. `addRoutes` runs before it is ready. The app is closed with the test. */
export async function buildApp(
  t: Teardown,
  { service, schema }: Subject,
  env: Environment = {},
  addRoutes?: (app: FastifyInstance) => void
) {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    }
  })
  const output = new LogDestination(stream)
  const config = withoutDotenv(() => loadConfig<EnvironmentSchema, PlatformConfig>(schema, { ...calm, ...env }))
  const app = await createApp(service, { config, log: createLogger(config.LOG_LEVEL, output), output })
  t.teardown(() => app.close())
  addRoutes?.(app)
  await app.ready()
  const lines = async () => {
    await sleep(1) // the line of a request follows its reply
    await output.flushed()
    return parse(text)
  }
  return { app, lines }
}

/** An empty directory, removed with the test. */
export function directory(t: Teardown) {
  const path = mkdtempSync(join(tmpdir(), 'hello-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

/**
 * The built service as a process of its own, in an empty directory and with `env` as its whole environment. Resolves
 * once it listens or has exited. It is killed with the test.
 */
export async function start(t: Teardown, env: Environment = {}, options: StartOptions = {}) {
  const extra = options.routes ? ['--import', routes] : []
  const child = spawn(process.execPath, [...extra, ...(options.args ?? []), server], {
    cwd: options.cwd ?? directory(t),
    env: { NODE_OPTIONS: '--enable-source-maps', PORT: '0', ...calm, ...env }, // tap adds what measures coverage
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  let exited = false
  const exit = once(child, 'close').then(([code, signal]) => {
    exited = true
    return { code, signal }
  })
  t.teardown(async () => {
    // the second one ends it at once, but for writing what was covered
    for (const [signal, ms] of [['SIGTERM', 1000] as const, ['SIGTERM', 10_000] as const, ['SIGKILL', 0] as const]) {
      child.kill(signal)
      await Promise.race([exit, sleep(ms, undefined, { ref: false })])
    }
    await exit
  })
  const lines = () => parse(stdout.slice(0, stdout.lastIndexOf('\n') + 1))
  const origin = (name: string) => {
    const line = lines().find(({ msg }) => String(msg).startsWith(`${name} listening at `))
    return String(line?.msg).split(' at ')[1] ?? ''
  }
  const listens = () => origin('Server') !== '' && (env.ADMIN_PORT === undefined || origin('Admin server') !== '')
  await until(() => exited || listens(), START_TIMEOUT).catch((error) => {
    throw new Error(`did not start: ${stdout}${stderr}`, { cause: error })
  })
  return { child, exit, lines, stderr: () => stderr, url: origin('Server'), adminUrl: origin('Admin server') }
}

/** Resolves when `condition` holds; rejects after `ms`. */
export async function until(condition: () => boolean | Promise<boolean>, ms = 10_000) {
  for (const end = Date.now() + ms; !(await condition()); await sleep(5)) {
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${condition}`)
  }
}

/** Ports of the loopback that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** All that the server sends on a connection of its own, until it closes or stays silent for `ms`. */
export async function exchange(url: string, bytes: string | Buffer, ms = 10_000): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).setTimeout(ms, () => socket.destroy())
  let received = ''
  socket.setEncoding('latin1').on('data', (text) => {
    received += text
  })
  socket.on('error', () => {}) // a reset after the answer
  socket.write(bytes)
  await new Promise((resolve) => socket.once('close', resolve))
  return received
}
