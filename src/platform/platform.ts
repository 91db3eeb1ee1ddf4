import env from '@fastify/env'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { envOptions } from './config/load-config.ts'
import type { EnvironmentSchema } from './config/schema.ts'
import { hideSecrets } from './config/secrets.ts'
import { configOf, type PlatformConfig } from './config/variables.ts'
import errors from './errors/error-handler.ts'
import notFound from './errors/not-found.ts'
import phase from './health/phase.ts'
import healthRoutes from './health/routes.ts'
import bodies from './http/bodies.ts'
import clientAddress from './http/client-address.ts'
import connections from './http/connections.ts'
import { cors, preflights } from './http/cors.ts'
import { HttpServer } from './http/http-server.ts'
import inFlight from './http/in-flight.ts'
import parserErrors from './http/parser-errors.ts'
import requestChecks from './http/request-checks.ts'
import securityHeaders from './http/security-headers.ts'
import timeouts from './http/timeouts.ts'
import type { LogDestination } from './logging/destination.ts'
import metrics from './metrics/metrics.ts'
import metricsRoutes from './metrics/routes.ts'
import overload from './overload/overload.ts'

export type PlatformOptions = {
  /** The variables of the service. */
  schema: EnvironmentSchema
  /** Their values. Without them, @fastify/env reads the environment. */
  config?: PlatformConfig
  /** Where the log goes, if it counts the lines that it drops. */
  output?: LogDestination
}

/** What the public and the admin listener share. */
export const everyListener = fp(async (app: FastifyInstance) => {
  await app.register(securityHeaders)
  await app.register(inFlight)
  await app.register(connections)
  await app.register(errors)
  await app.register(parserErrors)
  await app.register(clientAddress)
  await app.register(requestChecks)
  await app.register(timeouts)
})

const notMadeHere =
  'The app was not made by createApp: limits of connections and requests, the access log and the drain do not hold.'

/** Everything a production service needs besides its own plugins and routes, which are registered after it. */
export const platform = fp(
  async (app: FastifyInstance, { schema, config, output }: PlatformOptions) => {
    const options = envOptions(schema)
    await app.register(env, config ? { ...options, data: config, env: false, dotenv: false } : options)
    const { ADMIN_PORT, DOCS } = configOf(app)
    hideSecrets(schema.properties, configOf(app))
    if (!(app.server instanceof HttpServer)) app.log.warn(notMadeHere)

    await app.register(phase)
    await app.register(metrics, { output })
    await app.register(cors)
    await app.register(everyListener)
    await app.register(preflights)
    await app.register(overload)
    await app.register(notFound)
    await app.register(bodies)
    app.removeContentTypeParser('text/plain') // bodies are JSON; Fastify would hand text to schemas of objects
    if (DOCS) await app.register(import('./docs/docs.ts'))
    if (ADMIN_PORT !== undefined) return
    await app.register(healthRoutes)
    await app.register(metricsRoutes)
  },
  { name: 'platform' }
)
