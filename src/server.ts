import './source-maps.ts'
import { lookup } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { buildAdmin, buildApp } from './app.ts'
import { ConfigError, loadConfig } from './config.ts'
import { createLogger, LogDestination } from './log.ts'

process.setSourceMapsEnabled(true)
const CRASH_TIMEOUT = 4000 // ms for what is in flight when the app has thrown
const FLUSH_TIMEOUT = 500 // ms for the reader of the log at the end

const output = new LogDestination(process.stdout)
let log = createLogger('info', output)
let app: FastifyInstance | undefined
let admin: FastifyInstance | undefined
let stopping = false
process.on('exit', () => output.flushSync())

async function exit(code?: number): Promise<never> {
  await Promise.race([output.flushed(), sleep(FLUSH_TIMEOUT)])
  process.exit(code ?? process.exitCode)
}

const close = async () => [await app?.close(), await admin?.close()]

/** Unready, then no more connections after `delay`; what is in flight `timeout` later is cut. In ms. */
async function stop(delay: number, timeout: number) {
  stopping = true
  if (app) app.phase = 'draining'
  await sleep(delay)
  if (!(await Promise.race([close(), sleep(timeout)]))) {
    log.error('requests still in flight were cut')
    app?.inFlight.cut()
    await sleep(50) // for their log lines
    process.exitCode = 1
  }
  exit()
}

function onSignal() {
  if (stopping) process.exit(1)
  if (!app) process.exit(0)
  stop(app.config.DRAIN_DELAY_MS, app.config.SHUTDOWN_TIMEOUT_MS)
}
process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('SIGHUP', onSignal)
process.on('uncaughtException', (err) => {
  process.exitCode = 1
  if (stopping) return log.error({ err }, 'uncaught exception while stopping')
  log.fatal({ err }, 'uncaught exception')
  stop(0, CRASH_TIMEOUT)
})

async function listen(listener: FastifyInstance, port: number) {
  listener.server.prependOnceListener('listening', () => {
    listener.log.level = 'silent' // Fastify logs a line for each address of the machine
    queueMicrotask(() => Object.assign(listener.log, { level: log.level }))
  })
  const { address: host } = await lookup(listener.config.HOST) // of two addresses, as of localhost, Fastify drains one
  // Node's backlog of 511 overflows within a second of overload; a client then waits 1 s for its next attempt
  await listener.listen({ port, host, backlog: 4096 })
}

try {
  const config = loadConfig(process.env)
  log = createLogger(config.LOG_LEVEL, output)
  app = await buildApp(config, log, output)
  if (config.ADMIN_PORT !== undefined) {
    admin = await buildAdmin(app)
    await listen(admin, config.ADMIN_PORT)
  }
  await listen(app, config.PORT)
  log.info(`Server listening at ${app.listeningOrigin}`)
  if (admin) log.info(`Admin server listening at ${admin.listeningOrigin}`)
} catch (err) {
  if (!stopping) {
    log.fatal(err instanceof ConfigError ? err.message : err)
    exit(1)
  }
}
