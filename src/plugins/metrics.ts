import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Registry } from 'prom-client'
import type { LogDestination } from '../log.ts'
import { RequestDuration } from '../request-duration.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

export class Metrics {
  readonly requestDuration = new RequestDuration()
  /** Requests refused because of overload. */
  shed = 0
  readonly #output: LogDestination | undefined
  #registry: Promise<Registry> | undefined

  constructor(output: LogDestination | undefined) {
    this.#output = output
  }

  get droppedLines(): number {
    return this.#output?.dropped ?? 0
  }

  /** A registry of the app's own, so that two apps in one process do not collide; also for metrics of your own. */
  registry(): Promise<Registry> {
    this.#registry ??= import('../registry.ts').then(({ buildRegistry }) => buildRegistry(this))
    return this.#registry
  }
}

/** `app.metrics`: what the service counts. prom-client is loaded when first scraped: it takes 27 ms, a tenth of the start. */
export default fp(
  async (app: FastifyInstance, { output }: { output: LogDestination | undefined }) => {
    app.decorate('metrics', new Metrics(output))
  },
  { name: 'metrics' }
)
