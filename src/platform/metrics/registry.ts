import { createRequire } from 'node:module'
import type { Counter, Registry } from 'prom-client'

/** Loads again after a failure: see openapi-document.ts. */
const require = createRequire(import.meta.url)

type Counts = { readonly shed: number; readonly droppedLines: number }

/** The registry of one app: `counts`, and the process metrics of prom-client. */
export function buildRegistry(counts: Counts): Registry {
  const client: typeof import('prom-client') = require('prom-client')
  const registry = new client.Registry()
  client.collectDefaultMetrics({ register: registry })
  for (const name of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${name}_total`) // gauges, which must not end in _total
  }
  function counter(name: string, help: string, read: () => number) {
    function collect(this: Counter) {
      this.reset()
      this.inc(read())
    }
    new client.Counter({ name, help, registers: [registry], collect })
  }
  const shedHelp = 'Requests refused with 503 because they would have been answered too late.'
  counter('http_server_requests_shed_total', shedHelp, () => counts.shed)
  const droppedHelp = 'Log lines lost because their reader had stalled or gone.'
  counter('log_lines_dropped_total', droppedHelp, () => counts.droppedLines)
  return registry
}
