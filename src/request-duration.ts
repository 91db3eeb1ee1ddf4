import { Histogram, type Registry } from 'prom-client'

type Series = {
  labels: Record<string, string | number>
  buckets: { bound: number; count: number }[]
  sum: number
  count: number
}

const help = 'Duration of HTTP server requests.'
const name = 'http_server_request_duration_seconds'
const bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] // seconds

/**
 * The histogram of requests, named as OpenTelemetry's semantic conventions have it in Prometheus form. Requests fill
 * plain counters, which become prom-client's values when scraped: its own `observe` costs 0.6 of a bare request.
 */
export class RequestDuration extends Histogram {
  readonly #series = new Map<string, Series>()

  constructor(registry: Registry) {
    super({ name, help, buckets: bounds, registers: [registry] })
  }

  /** Counts a request that took `seconds`; `route` is a pattern, never a URL. */
  count(method: string, route: string, status: number, seconds: number) {
    const key = `${method} ${status} ${route}`
    const series = this.#series.get(key) ?? this.#add(key, method, route, status)
    for (const bucket of series.buckets) {
      if (seconds > bucket.bound) continue
      bucket.count++
      break
    }
    series.sum += seconds
    series.count++
  }

  #add(key: string, method: string, route: string, status: number) {
    const labels = { http_request_method: method, http_route: route, http_response_status_code: status }
    const buckets = [...bounds, Number.POSITIVE_INFINITY].map((bound) => ({ bound, count: 0 }))
    const series = { labels, buckets, sum: 0, count: 0 }
    this.#series.set(key, series)
    return series
  }

  /** Where prom-client takes the values from when scraped. */
  async getForPromString() {
    const values = [...this.#series.values()].flatMap(({ labels, buckets, sum, count }) => {
      let upTo = 0
      const cumulative = buckets.map(({ bound, count }) => {
        upTo += count
        const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : bound
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: upTo }
      })
      return [
        ...cumulative,
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: count }
      ]
    })
    return { name, help, type: 'histogram', aggregator: 'sum', values }
  }
}
