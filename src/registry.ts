import { Counter, collectDefaultMetrics, Registry } from 'prom-client'
import type { Metrics } from './plugins/metrics.ts'

/** The registry of one app: what `metrics` has counted, and prom-client's process metrics. */
export function buildRegistry(metrics: Metrics): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${name}_total`) // gauges, which must not end in _total
  }
  function counter(name: string, help: string, read: () => number) {
    function collect(this: Counter) {
      this.reset()
      this.inc(read())
    }
    new Counter({ name, help, registers: [registry], collect })
  }
  const shedHelp = 'Requests refused with 503 because they would have been answered too late.'
  counter('http_server_requests_shed_total', shedHelp, () => metrics.shed)
  const droppedHelp = 'Log lines lost because their reader had stalled or gone.'
  counter('log_lines_dropped_total', droppedHelp, () => metrics.droppedLines)
  return registry
}
