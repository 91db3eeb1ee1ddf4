import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { createLogger, LogDestination } from '../src/log.ts'

export type Line = Record<string, unknown>
type Teardown = { teardown: (fn: () => unknown) => unknown }
type Environment = Record<string, string>
type StartOptions = { cwd?: string; routes?: boolean; args?: string[] }

const server = fileURLToPath(new URL('../dist/server.js', import.meta.url))
const routes = new URL('./fixtures/routes.mjs', import.meta.url).href

const parse = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

/** The app that ships, with the lines it logs; `addRoutes` runs before it is ready. It is closed with the test. */
export async function build(t: Teardown, env: Environment = {}, addRoutes?: (app: FastifyInstance) => void) {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    }
  })
  const output = new LogDestination(stream)
  const config = loadConfig({ OVERLOAD_DELAY_MS: '0', ...env }) // the turns of a test are late for reasons of its own
  const app = await buildApp(config, createLogger(config.LOG_LEVEL, output), output)
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
  const child = spawn(process.execPath, [...extra, ...(options.args ?? []), '--enable-source-maps', server], {
    cwd: options.cwd ?? directory(t),
    env: { ...coverage(), PORT: '0', ...env },
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
  const exit = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  t.teardown(async () => {
    for (const signal of ['SIGTERM', 'SIGTERM', 'SIGKILL'] as const) {
      child.kill(signal)
      await Promise.race([exit, sleep(1000, undefined, { ref: false })])
    }
    await exit
  })
  const lines = () => parse(stdout.slice(0, stdout.lastIndexOf('\n') + 1))
  const origin = (name: string) => {
    const line = lines().find(({ msg }) => String(msg).startsWith(`${name} listening at `))
    return String(line?.msg).split(' at ')[1] ?? ''
  }
  await Promise.race([exit, until(() => /"Server listening at .*"\}\n/.test(stdout))])
  await until(() => env.ADMIN_PORT === undefined || child.exitCode !== null || origin('Admin server') !== '')
  return { child, exit, lines, stderr: () => stderr, url: origin('Server'), adminUrl: origin('Admin server') }
}

/** What tap needs a child process to inherit to measure its coverage. */
function coverage(): Environment {
  const kept = Object.entries(process.env).filter(([name]) => /^(NODE_|_TAPJS|TAP)/.test(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? '']))
}

/** Resolves when `condition` holds; rejects after `ms`. */
export async function until(condition: () => boolean, ms = 10_000) {
  for (const end = Date.now() + ms; !condition(); await sleep(5)) {
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${condition}`)
  }
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
