import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Registry } from 'prom-client'
import type { MetricsText } from './metrics-text.ts'
import { RequestDuration } from './request-duration.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** Where log lines go. */
type Output = { readonly dropped: number }

// Not within a function, where tsc 6.0 would leave the .ts of an import.
const importRegistry = () => import('./registry.ts')
const importText = () => import('./metrics-text.ts')

export class Metrics {
  readonly requestDuration = new RequestDuration()
  /** Requests refused because of overload. */
  shed = 0
  readonly #log: FastifyBaseLogger
  readonly #output: Output | undefined
  #text: Promise<MetricsText> | undefined

  /** `output` is where the log goes, if it counts the lines that it drops. */
  constructor(log: FastifyBaseLogger, output?: Output) {
    this.#log = log
    this.#output = output
  }

  get droppedLines(): number {
    return this.#output?.dropped ?? 0
  }

  /** The registry of this app, for metrics of your own. Loads prom-client, which is slow, on the first call. */
  async registry(): Promise<Registry> {
    const { registry } = await this.#load()
    return registry
  }

  /** All metrics in Prometheus' text format, at most a second old. */
  async text(): Promise<Buffer> {
    const text = await this.#load()
    return text.read()
  }

  #load(): Promise<MetricsText> {
    this.#text ??= this.#build().catch((error) => {
      this.#text = undefined // so that the next call tries again
      throw error
    })
    return this.#text
  }

  async #build(): Promise<MetricsText> {
    const [{ buildRegistry }, { MetricsText }] = await Promise.all([importRegistry(), importText()])
    return new MetricsText(buildRegistry(this), this.#log, () => this.requestDuration.text())
  }
}

/** `app.metrics`: the counters of the service. */
export default fp(
  async (app: FastifyInstance, { output }: { output: Output | undefined }) => {
    app.decorate('metrics', new Metrics(app.log, output))
  },
  { name: 'metrics' }
)
