import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Counter, collectDefaultMetrics, Registry } from 'prom-client'
import type { LogDestination } from '../log.ts'
import { RequestDuration } from '../request-duration.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Registry
    requestDuration: RequestDuration
  }
}

/**
 * `app.metrics`, a registry of the app's own, so that two apps in one process do not collide: the duration of requests,
 * the log lines that `output` had to drop, and prom-client's process metrics.
 */
export default fp(
  async (app: FastifyInstance, { output }: { output: LogDestination | undefined }) => {
    const registry = new Registry()
    app.decorate('metrics', registry)
    app.decorate('requestDuration', new RequestDuration(registry))
    collectDefaultMetrics({ register: registry })
    for (const name of ['handles', 'requests', 'resources']) {
      registry.removeSingleMetric(`nodejs_active_${name}_total`) // gauges, which must not end in _total
    }
    new Counter({
      name: 'log_lines_dropped_total',
      help: 'Log lines lost because their reader had stalled or gone.',
      registers: [registry],
      collect() {
        this.reset()
        this.inc(output?.dropped ?? 0)
      }
    })
  },
  { name: 'metrics' }
)
