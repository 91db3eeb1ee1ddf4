import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Registry } from 'prom-client'
import { MetricsText } from './metrics-text.ts'
import { buildRegistry } from './registry.ts'
import { RequestDuration } from './request-duration.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** Where log lines go. */
type Output = { readonly dropped: number }

export class Metrics {
  readonly requestDuration = new RequestDuration()
  /** Requests refused because of overload. */
  shed = 0
  readonly #output: Output | undefined
  readonly #text: MetricsText
  #registry: Registry | undefined

  /** `output` is where the log goes, if it counts the lines that it drops. */
  constructor(log: FastifyBaseLogger, output?: Output) {
    this.#output = output
    this.#text = new MetricsText(
      log,
      () => this.registry(),
      () => this.requestDuration.text()
    )
  }

  get droppedLines(): number {
    return this.#output?.dropped ?? 0
  }

  /** The registry of this app, for metrics of your own. Loads prom-client, which is slow, on the first call. */
  async registry(): Promise<Registry> {
    this.#registry ??= buildRegistry(this)
    return this.#registry
  }

  /** All metrics in Prometheus' text format, at most a second old. */
  text(): Promise<Buffer> {
    return this.#text.read()
  }
}

/** `app.metrics`: the counters of the service. */
export default fp(
  async (app: FastifyInstance, { output }: { output: Output | undefined }) => {
    app.decorate('metrics', new Metrics(app.log, output))
  },
  { name: 'metrics' }
)
