import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { buildAdmin, buildApp } from './app.ts'
import { ConfigError, loadConfig } from './config.ts'
import { createLogger, LogDestination } from './log.ts'

/** How long an app that has thrown may take to finish what is in flight, in ms. */
const CRASH_TIMEOUT = 4000
/** How long a reader of the log may take for what is left at the end, in ms. */
const FLUSH_TIMEOUT = 500

const output = new LogDestination(process.stdout)
let log = createLogger('info', output)
let app: FastifyInstance | undefined
let admin: FastifyInstance | undefined
let stopping = false

process.on('exit', () => output.flushSync())

async function exit(code: number): Promise<never> {
  await Promise.race([output.flushed(), sleep(FLUSH_TIMEOUT)])
  process.exit(code)
}

/** Unready first, service as usual for `delay`, then close; exits with `code`, or 1 where `timeout` did not suffice. */
async function stop(code: number, delay: number, timeout: number) {
  stopping = true
  if (app) app.phase = 'draining'
  await sleep(delay)
  setTimeout(() => {
    log.error('requests still in flight were cut')
    exit(1)
  }, timeout)
  await app?.close()
  await admin?.close()
  return exit(code)
}

function onSignal() {
  if (stopping) process.exit(1)
  if (!app) process.exit(0)
  stop(0, app.config.DRAIN_DELAY_MS, app.config.SHUTDOWN_TIMEOUT_MS)
}
process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('SIGHUP', onSignal)

process.on('uncaughtException', (err) => {
  if (stopping) log.error({ err }, 'uncaught exception while stopping')
  else {
    log.fatal({ err }, 'uncaught exception')
    stop(1, 0, CRASH_TIMEOUT)
  }
})

async function listen(listener: FastifyInstance, port: number) {
  const { level } = log
  listener.log.level = 'silent' // Fastify logs a line for each address of the machine
  // 511, Node's backlog, overflows within a second of overload; a client then waits 1 s for its next attempt
  await listener.listen({ port, host: listener.config.HOST, backlog: 4096 })
  listener.log.level = level
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
