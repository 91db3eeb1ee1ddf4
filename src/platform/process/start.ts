import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Output } from './exit.ts'
import { listen } from './listen.ts'

/** The variables that the process itself reads. */
export type ProcessConfig = {
  readonly HOST: string
  readonly PORT: number
  readonly ADMIN_PORT?: number | undefined
  readonly LOG_LEVEL: string
  readonly DRAIN_DELAY_MS: number
  readonly SHUTDOWN_TIMEOUT_MS: number
}

/** How to build the service. */
export type Blueprint<Config extends ProcessConfig> = {
  /** Where the loggers write to. */
  output: Output
  createLogger(level: Config['LOG_LEVEL'] | 'info'): FastifyBaseLogger
  /** Validates the environment; throws a ConfigError if a variable is invalid. */
  loadConfig(env: NodeJS.ProcessEnv): { config: Config; warnings: readonly string[] }
  /** Its message says everything, so the log line needs no stack. */
  ConfigError: abstract new (
    ...parameters: never
  ) => Error
  /** `admin` is the listener behind ADMIN_PORT, if that is set. */
  build(config: Config, log: FastifyBaseLogger): Promise<{ app: FastifyInstance; admin?: FastifyInstance | undefined }>
}

/** What exists of the service. The start fills it in, step by step. */
export type Service = {
  log: FastifyBaseLogger
  readonly output: Output
  config?: ProcessConfig
  app?: FastifyInstance
  admin?: FastifyInstance | undefined
}

/** Validates the environment, builds the service and listens. Does not listen once `signal` is aborted. */
export async function start<Config extends ProcessConfig>(
  blueprint: Blueprint<Config>,
  service: Service,
  signal: AbortSignal
): Promise<void> {
  const { config, warnings } = blueprint.loadConfig(process.env)
  service.config = config
  service.log = blueprint.createLogger(config.LOG_LEVEL)
  for (const warning of warnings) service.log.warn(warning)
  const { app, admin } = await blueprint.build(config, service.log)
  service.app = app
  service.admin = admin
  const { HOST: host, PORT: port, ADMIN_PORT: adminPort = port } = config
  if (admin) await listen(admin, { name: 'Admin server', host, port: adminPort, signal })
  await listen(app, { name: 'Server', host, port, signal })
}
