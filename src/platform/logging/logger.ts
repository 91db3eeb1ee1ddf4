import { inspect } from 'node:util'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { type LogFn, type Logger, pino, stdSerializers } from 'pino'
import { redactor } from '../config/secrets.ts'
import type { PlatformConfig } from '../config/variables.ts'
import type { LogDestination } from './destination.ts'

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
