import { ConfigError } from '../config/faults.ts'
import { LogDestination } from '../logging/destination.ts'
import { createLogger } from '../logging/logger.ts'
import { Shutdown } from './shutdown.ts'
import { onStopSignal } from './signals.ts'
import { type Blueprint, type Running, start } from './start.ts'

/**
 * Runs the service in this process: handles signals and uncaught exceptions, validates the environment, builds the
 * service and listens. Resolves when it listens. Whatever prevents that is one fatal line and exit code 1.
 */
export async function run(blueprint: Blueprint): Promise<void> {
  process.setSourceMapsEnabled(true)
  const output = new LogDestination(process.stdout)
  const running: Running = { log: createLogger('info', output), output }
  const shutdown = new Shutdown(running)
  const { signal } = shutdown
  process.on('exit', () => output.flushSync())
  process.on('uncaughtException', (err) => {
    if (signal.aborted) return shutdown.fail('uncaught exception while stopping', err)
    running.log.fatal({ err }, 'uncaught exception')
    shutdown.crash()
  })
  onStopSignal(
    () => shutdown.drain(),
    () => shutdown.abandon()
  )
  try {
    await start(blueprint, running, signal)
  } catch (err) {
    if (signal.aborted) return
    running.log.fatal(err instanceof ConfigError ? err.message : err)
    shutdown.crash()
  }
}
