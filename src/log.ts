import type { Writable } from 'node:stream'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { pino } from 'pino'
import type { Config } from './config.ts'

const CHUNK = 16_384 // characters
const FLUSH_INTERVAL = 100 // ms
const LIMIT = 4 * 1024 * 1024 // characters

/**
 * Where log lines go: gathered into chunks, written without waiting for the reader, dropped and counted while the
 * reader is 4 MiB behind. By hand, because with pino's own destination a process whose reader has stalled never exits.
 */
export class LogDestination {
  dropped = 0 // lines
  #chunk = ''
  #lines = 0
  #timer: NodeJS.Timeout | undefined
  readonly #stream: Writable

  constructor(stream: Writable) {
    this.#stream = stream.on('error', () => {}) // the callback of write counts what is lost
  }

  write(line: string): void {
    if (this.#stream.writableLength + this.#chunk.length + line.length > LIMIT) {
      this.dropped++
      return
    }
    this.#chunk += line
    this.#lines++
    if (this.#chunk.length >= CHUNK) this.flushSync()
    else this.#timer ??= setTimeout(() => this.flushSync(), FLUSH_INTERVAL)
  }

  /** Writes what has been gathered; pino calls it after each fatal line. */
  flushSync(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#lines
    const bytes = Buffer.from(this.#chunk) // as strings of many parts, 4 MiB that wait take 50 MB of heap
    this.#stream.write(bytes, (error) => {
      if (error) this.dropped += lines
    })
    this.#chunk = ''
    this.#lines = 0
  }

  /** Resolves when the reader has everything. */
  async flushed(): Promise<void> {
    this.flushSync()
    await new Promise((resolve) => this.#stream.write('', resolve))
  }
}

/** Secrets travel in queries. A warning of Fastify's quotes the URL: that of a reply sent twice, or after its time. */
const withoutQuery = (line: string) =>
  line.includes('FST_ERR_REP_ALREADY_SENT') ? line.replaceAll(/(\\"\/[^?]*)\?.*?(?=\\" \([A-Z]+\)\?)/g, '$1') : line

const serializers = {
  req: ({ method, url }: FastifyRequest) => ({ method, path: url.split('?', 1)[0] })
}

/** JSON lines in pino's shape: numeric `level`, `time` in ms since the epoch, `msg`. */
export function createLogger(level: Config['LOG_LEVEL'], destination: LogDestination): FastifyBaseLogger {
  return pino({ level, base: null, serializers, hooks: { streamWrite: withoutQuery } }, destination)
}
