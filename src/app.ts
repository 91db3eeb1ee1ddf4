import env from '@fastify/env'
import { type FastifyBaseLogger, type FastifyInstance, fastify } from 'fastify'
import fp from 'fastify-plugin'
import { type Config, schema } from './config.ts'
import type { LogDestination } from './log.ts'
import { serverOptions } from './options.ts'
import { envOptions } from './platform/config/load-config.ts'
import { hideSecrets } from './platform/config/secrets.ts'
import bodies from './plugins/bodies.ts'
import clientAddress from './plugins/client-address.ts'
import connections from './plugins/connections.ts'
import { cors, preflights } from './plugins/cors.ts'
import errors from './plugins/errors.ts'
import handlerTimeout from './plugins/handler-timeout.ts'
import inFlight from './plugins/in-flight.ts'
import metrics from './plugins/metrics.ts'
import notFound from './plugins/not-found.ts'
import overload from './plugins/overload.ts'
import parserErrors from './plugins/parser-errors.ts'
import phase from './plugins/phase.ts'
import requestChecks from './plugins/request-checks.ts'
import securityHeaders from './plugins/security-headers.ts'
import healthRoutes from './routes/health.ts'
import helloRoutes from './routes/hello.ts'
import metricsRoutes from './routes/metrics.ts'

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
  if (app.config.DOCS) await app.register(import('./plugins/docs.ts'))

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
