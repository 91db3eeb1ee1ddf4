import { Shutdown } from './shutdown.ts'
import { onStopSignal } from './signals.ts'
import { type Blueprint, type ProcessConfig, type Service, start } from './start.ts'

/**
 * Runs the service in this process: handles signals and uncaught exceptions, validates the environment, builds the
 * service and listens. Resolves when it listens. Whatever prevents that is one fatal line and exit code 1.
 */
export async function run<Config extends ProcessConfig>(blueprint: Blueprint<Config>): Promise<void> {
  process.setSourceMapsEnabled(true)
  const { output, ConfigError } = blueprint
  const service: Service = { log: blueprint.createLogger('info'), output }
  const shutdown = new Shutdown(service)
  const { signal } = shutdown
  process.on('exit', () => output.flushSync())
  process.on('uncaughtException', (err) => {
    if (signal.aborted) return shutdown.fail('uncaught exception while stopping', err)
    service.log.fatal({ err }, 'uncaught exception')
    shutdown.crash()
  })
  onStopSignal(
    () => shutdown.drain(),
    () => shutdown.abandon()
  )
  try {
    await start(blueprint, service, signal)
  } catch (err) {
    if (signal.aborted) return
    service.log.fatal(err instanceof ConfigError ? err.message : err)
    shutdown.crash()
  }
}
