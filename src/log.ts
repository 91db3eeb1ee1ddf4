import type { Writable } from 'node:stream'
import { inspect } from 'node:util'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { type LogFn, type Logger, pino, stdSerializers } from 'pino'
import { redactor } from './platform/config/secrets.ts'
import type { PlatformConfig } from './platform/config/variables.ts'

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

/** Fastify's warnings about a second reply quote the URL, and secrets travel in its query; the route is in the line of `reqId`. */
function logMethod(this: Logger, args: Parameters<LogFn>, log: LogFn) {
  const [first] = args
  const message = first instanceof Object && 'err' in first && first.err instanceof Error ? first.err.message : first
  const twice = /^Reply was already sent, did you forget/.test(String(message))
  log.apply(this, twice ? ['reply was already sent'] : args)
}

/** Leaves nested objects out: errors of HTTP clients have the request in them, with its credentials. */
function withoutObjects(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return error
  const { aggregateErrors, ...fields } = Object.fromEntries(Object.entries(error))
  const plain = Object.entries(fields).filter(([, value]) => typeof value !== 'object')
  const nested = Array.isArray(aggregateErrors) && { aggregateErrors: aggregateErrors.map(withoutObjects) }
  return { ...Object.fromEntries(plain), ...nested }
}

const serializers = {
  err(error: Error) {
    try {
      return withoutObjects(stdSerializers.err(error))
    } catch {
      return inspect(error) // an error that is frozen, or has getters that throw
    }
  },
  req: (request?: Partial<FastifyRequest> | null) =>
    request?.url ? { method: request.method, path: String(request.url).split('?', 1)[0] } : request
}

/** JSON lines in pino's shape: numeric `level`, `time` in ms since the epoch, `msg`. No line has one of `secrets`. */
export function createLogger(
  level: PlatformConfig['LOG_LEVEL'],
  destination: LogDestination,
  secrets: readonly string[] = []
): FastifyBaseLogger {
  const hooks = { logMethod, ...(secrets.length > 0 && { streamWrite: redactor(secrets) }) }
  return pino({ level, base: null, serializers, hooks }, destination)
}
