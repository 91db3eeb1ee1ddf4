import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import type { Metrics } from './plugins/metrics.ts'
import type { RequestDuration } from './request-duration.ts'

const name = 'http_server_request_duration_seconds'
const help = 'Duration of HTTP server requests.'

/** `duration` as prom-client takes it from a histogram when scraped. */
class DurationHistogram extends Histogram {
  readonly #duration: RequestDuration

  constructor(duration: RequestDuration, registers: Registry[]) {
    super({ name, help, registers })
    this.#duration = duration
  }

  async getForPromString() {
    const values = [...this.#duration.series.values()].flatMap(({ labels, buckets, sum }) => {
      let count = 0
      const cumulative = buckets.map((bucket) => {
        count += bucket.count
        const le = bucket.bound === Number.POSITIVE_INFINITY ? '+Inf' : bucket.bound
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count }
      })
      const total = { metricName: `${name}_count`, labels, value: count }
      return [...cumulative, { metricName: `${name}_sum`, labels, value: sum }, total]
    })
    return { name, help, type: 'histogram', aggregator: 'sum', values }
  }
}

/** The registry of one app: what `metrics` has counted, and prom-client's process metrics. */
export function buildRegistry(metrics: Metrics): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${name}_total`) // gauges, which must not end in _total
  }
  new DurationHistogram(metrics.requestDuration, [registry])
  new Counter({
    name: 'http_server_requests_shed_total',
    help: 'Requests refused with 503 because they would have been answered too late.',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(metrics.shed)
    }
  })
  new Counter({
    name: 'log_lines_dropped_total',
    help: 'Log lines lost because their reader had stalled or gone.',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(metrics.droppedLines)
    }
  })
  return registry
}
