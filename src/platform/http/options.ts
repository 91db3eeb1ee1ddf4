import type { Server } from 'node:http'
import type { FastifyServerOptions } from 'fastify'
import type { PlatformConfig } from '../config/variables.ts'
import { CHECK_INTERVAL, HttpServer } from './http-server.ts'
import { clientErrorHandler } from './parser-errors.ts'
import { requestId } from './request-id.ts'
import { routableUrl } from './routable-url.ts'
import { buildValidator } from './validation.ts'

/** Fastify's options about HTTP: limits, timeouts, ids and validation of requests. */
export function httpOptions(config: PlatformConfig) {
  const { REQUEST_TIMEOUT_MS: requestTimeout, KEEP_ALIVE_TIMEOUT_MS: keepAliveTimeout } = config
  return {
    genReqId: requestId,
    trustProxy: config.TRUST_PROXY.length > 0 && [...config.TRUST_PROXY],
    rewriteUrl: routableUrl,
    schemaController: { compilersFactory: { buildValidator } },
    bodyLimit: Math.max(config.BODY_LIMIT_BYTES, 1),
    return503OnClosing: false,
    clientErrorHandler,
    serverFactory(handler) {
      const server = new HttpServer(
        {
          connectionsCheckingInterval: CHECK_INTERVAL,
          headersTimeout: Math.min(requestTimeout, 5000),
          requestTimeout,
          keepAliveTimeout,
          joinDuplicateHeaders: true, // of two Host fields Node would keep the first
          requireHostHeader: false // answered in request-checks.ts, with headers and a log line
        },
        handler
      )
      return server.setTimeout(requestTimeout + 4 * CHECK_INTERVAL) // readers that take nothing of a reply
    }
  } satisfies FastifyServerOptions<Server>
}
