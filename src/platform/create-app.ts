import { type FastifyBaseLogger, type FastifyInstance, type FastifyPluginAsync, fastify } from 'fastify'
import { configOf, type PlatformConfig } from './config/variables.ts'
import { errorHandler } from './errors/error-handler.ts'
import { lastResort } from './errors/last-resort.ts'
import notFound from './errors/not-found.ts'
import healthRoutes from './health/routes.ts'
import { httpOptions } from './http/options.ts'
import { RequestLog } from './http/request-log.ts'
import type { LogDestination } from './logging/destination.ts'
import metricsRoutes from './metrics/routes.ts'
import { everyListener, type PlatformOptions } from './platform.ts'

/** The service: a plugin that registers `platform` with these options, and then its own plugins and routes. */
export type Service = FastifyPluginAsync<Partial<PlatformOptions>>

type Options = { config: PlatformConfig; log: FastifyBaseLogger; output: LogDestination }

const options = (config: PlatformConfig, log: FastifyBaseLogger) => ({
  ...httpOptions(config),
  loggerInstance: log,
  logController: new RequestLog(lastResort),
  frameworkErrors: errorHandler
})

/** The app of `service` with all of Fastify's options. It listens to nothing and handles no signal. */
export async function createApp(service: Service, { config, log, output }: Options): Promise<FastifyInstance> {
  const app = fastify(options(config, log))
  await app.register(service, { config, output })
  return app
}

/** The listener behind ADMIN_PORT: probes and metrics of `app`, by the same rules as any other reply. */
export async function createAdminApp(app: FastifyInstance): Promise<FastifyInstance> {
  const config = configOf(app)
  const admin = fastify(options(config, app.log))
  admin.decorate('config', config).decorate('metrics', app.metrics)
  await admin.register(everyListener)
  await admin.register(notFound)
  await admin.register(healthRoutes, { service: app })
  await admin.register(metricsRoutes, { service: app })
  return admin
}
