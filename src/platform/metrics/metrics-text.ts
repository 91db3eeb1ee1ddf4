import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Registry } from 'prom-client'

/** Collections per second. More scrapes than that get the newest text again, so that they cannot use up the CPU. */
const PER_SECOND = 4
/** Time that the metrics may take to collect themselves, in ms. Those that take longer are left out. */
const TIMEOUT = 1000

/** The text that Prometheus scrapes. Scrapes at the same time share one collection. */
export class MetricsText {
  readonly registry: Registry
  readonly #log: FastifyBaseLogger
  readonly #more: () => string
  /** Metrics that are being collected, by name: a `collect` that hangs is not called again. */
  readonly #collecting = new Map<string, Promise<string>>()
  #text: Promise<Buffer> = Promise.resolve(Buffer.alloc(0))
  #isCollecting = false
  #collections = 0
  #second = Number.NEGATIVE_INFINITY

  /** `more` returns metrics that are not in `registry`, as text. */
  constructor(registry: Registry, log: FastifyBaseLogger, more: () => string) {
    this.registry = registry
    this.#log = log
    this.#more = more
  }

  /** All metrics in Prometheus' text format, at most a second old. */
  read(): Promise<Buffer> {
    const now = performance.now()
    if (now - this.#second >= 1000) {
      this.#second = now
      this.#collections = 0
    }
    if (!this.#isCollecting && this.#collections < PER_SECOND) {
      this.#isCollecting = true
      this.#collections++
      this.#text = this.#collect().finally(() => {
        this.#isCollecting = false
      })
    }
    return this.#text
  }

  async #collect(): Promise<Buffer> {
    const end = new AbortController()
    const timeout = sleep(TIMEOUT, undefined, { signal: end.signal }).then(() => {
      throw new Error(`Its collect function took longer than ${TIMEOUT} ms.`)
    })
    timeout.catch(() => {}) // aborted below, when nothing waits for it any more
    const texts = this.registry.getMetricsAsArray().map(async ({ name }) => {
      try {
        return `${await Promise.race([this.#collectOne(name), timeout])}\n\n`
      } catch (err) {
        this.#log.error({ err, metric: name }, 'metric left out of /metrics')
        return ''
      }
    })
    const text = (await Promise.all(texts)).join('')
    end.abort()
    return Buffer.from(text + this.#more())
  }

  #collectOne(name: string): Promise<string> {
    const begun = this.#collecting.get(name)
    if (begun) return begun
    const text = this.registry.getSingleMetricAsString(name).finally(() => this.#collecting.delete(name))
    this.#collecting.set(name, text)
    return text
  }
}
