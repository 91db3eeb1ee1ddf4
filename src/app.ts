import env from '@fastify/env'
import { type FastifyBaseLogger, type FastifyInstance, fastify } from 'fastify'
import fp from 'fastify-plugin'
import { type Config, schema } from './config.ts'
import type { LogDestination } from './platform/logging/logger.ts'
import { serverOptions } from './platform/http/options.ts'
import { envOptions } from './platform/config/load-config.ts'
import { hideSecrets } from './platform/config/secrets.ts'
import bodies from './platform/http/bodies.ts'
import clientAddress from './platform/http/client-address.ts'
import connections from './platform/http/connections.ts'
import { cors, preflights } from './platform/http/cors.ts'
import errors from './platform/errors/error-handler.ts'
import handlerTimeout from './platform/http/timeouts.ts'
import inFlight from './platform/http/in-flight.ts'
import metrics from './platform/metrics/metrics.ts'
import notFound from './platform/errors/not-found.ts'
import overload from './platform/overload/overload.ts'
import parserErrors from './platform/http/parser-errors.ts'
import phase from './platform/health/phase.ts'
import requestChecks from './platform/http/request-checks.ts'
import securityHeaders from './platform/http/security-headers.ts'
import healthRoutes from './platform/health/routes.ts'
import helloRoutes from './routes/hello.ts'
import metricsRoutes from './platform/metrics/routes.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
  }
}

type Options = { config?: Config; output?: LogDestination }

/** What holds on either listener. */
const rules = fp(async (app: FastifyInstance) => {
  await app.register(securityHeaders)
  await app.register(inFlight)
  await app.register(connections)
  await app.register(errors)
  await app.register(parserErrors)
  await app.register(clientAddress)
  await app.register(requestChecks)
  await app.register(handlerTimeout)
})

/** The service as a plugin, for any Fastify instance; without `config`, @fastify/env reads the environment. */
const service = fp(async (app: FastifyInstance, { config, output }: Options) => {
  await app.register(
    env,
    config ? { ...envOptions(schema), data: config, env: false, dotenv: false } : envOptions(schema)
  )
  hideSecrets(schema.properties, app.config)
  await app.register(phase)
  await app.register(metrics, { output })
  await app.register(cors)
  await app.register(rules)
  await app.register(preflights)
  await app.register(overload)
  await app.register(notFound)
  await app.register(bodies)
  app.removeContentTypeParser('text/plain') // bodies are JSON; Fastify would hand text to schemas of objects
  if (app.config.DOCS) await app.register(import('./platform/docs/docs.ts'))

  await app.register(helloRoutes)
  if (app.config.ADMIN_PORT === undefined) {
    await app.register(healthRoutes)
    await app.register(metricsRoutes)
  }
})

export default service

/** The service as it runs: every option of Fastify, and the plugin above. Listens to nothing and handles no signal. */
export async function buildApp(config: Config, logger: FastifyBaseLogger, output: LogDestination) {
  const app = fastify(serverOptions(config, logger))
  await app.register(service, { config, output })
  return app
}

/** The listener behind ADMIN_PORT: probes and metrics of `app`, by the same rules as every other reply. */
export async function buildAdmin(app: FastifyInstance) {
  const admin = fastify(serverOptions(app.config, app.log))
  admin.decorate('config', app.config).decorate('metrics', app.metrics)
  await admin.register(rules)
  await admin.register(notFound)
  await admin.register(healthRoutes, { service: app })
  await admin.register(metricsRoutes, { service: app })
  return admin
}
