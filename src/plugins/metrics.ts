import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import type { LogDestination } from '../log.ts'
import { isAborted } from './access-log.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Registry
    /** Counts a request that has ended, `duration` in seconds; `route` is a pattern, or `unmatched`. */
    observeRequest(method: string, route: string, status: number, duration: number): void
  }
}

const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/**
 * `app.metrics`, a registry of the app's own: prom-client's process metrics and the duration of requests, named as
 * OpenTelemetry's semantic conventions have it in Prometheus form.
 */
export default fp(
  async (app: FastifyInstance, { output }: { output: LogDestination | undefined }) => {
    const registry = new Registry()
    const duration = new Histogram({
      name: 'http_server_request_duration_seconds',
      help: 'Duration of HTTP server requests.',
      labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
      buckets,
      registers: [registry]
    })
    new Counter({
      name: 'log_lines_dropped_total',
      help: 'Log lines lost because their reader had stalled or gone.',
      registers: [registry],
      collect() {
        this.reset()
        this.inc(output?.dropped ?? 0)
      }
    })
    app.addHook('onRequest', (request, reply, done) => {
      reply.raw.once('close', () => {
        const status = isAborted(reply) ? 499 : reply.statusCode
        app.observeRequest(request.method, request.routeOptions.url ?? 'unmatched', status, reply.elapsedTime / 1000)
      })
      done()
    })
    collectDefaultMetrics({ register: registry })
    app.decorate('metrics', registry)
    app.decorate('observeRequest', (method, route, status, seconds) => {
      duration.observe({ http_request_method: method, http_route: route, http_response_status_code: status }, seconds)
    })
  },
  { name: 'metrics' }
)
