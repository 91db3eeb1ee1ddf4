import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { loadConfig } from '../config/load-config.ts'
import type { EnvironmentSchema } from '../config/schema.ts'
import { secretValues } from '../config/secrets.ts'
import type { PlatformConfig } from '../config/variables.ts'
import { createAdminApp, createApp, type Service } from '../create-app.ts'
import type { LogDestination } from '../logging/destination.ts'
import { createLogger } from '../logging/logger.ts'
import { listen } from './listen.ts'

/** What the process runs. */
export type Blueprint = {
  /** The variables of the service. */
  schema: EnvironmentSchema
  /** Imports the service, so that nothing of it is loaded where the environment is invalid. */
  service: () => Promise<{ default: Service }>
}

/** What exists of the running service. The start fills it in, step by step. */
export type Running = {
  log: FastifyBaseLogger
  readonly output: LogDestination
  config?: PlatformConfig
  app?: FastifyInstance
  admin?: FastifyInstance | undefined
}

/** Validates the environment, builds the service and listens. Does not listen once `signal` is aborted. */
export async function start({ schema, service }: Blueprint, running: Running, signal: AbortSignal): Promise<void> {
  const warn = (text: string) => running.log.warn(text)
  const config = loadConfig<EnvironmentSchema, PlatformConfig>(schema, process.env, warn)
  const log = createLogger(config.LOG_LEVEL, running.output, secretValues(schema.properties, config))
  Object.assign(running, { config, log })
  const { default: plugin } = await service()
  const app = await createApp(plugin, { config, log, output: running.output })
  running.app = app
  const { HOST: host, PORT, ADMIN_PORT } = config
  if (ADMIN_PORT !== undefined) {
    running.admin = await createAdminApp(app)
    await listen(running.admin, { name: 'Admin server', host, port: ADMIN_PORT, signal })
  }
  await listen(app, { name: 'Server', host, port: PORT, signal })
}
