import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import { Ajv, type AnySchema } from 'ajv'
import formats from 'ajv-formats'
import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'
import type { FastifyRouteSchemaDef } from 'fastify/types/schema.js'
import { HttpServer } from './http-server.ts'
import type { PlatformConfig } from '../config/variables.ts'
import { AccessLog } from '../logging/access-log.ts'
import { errorHandler } from '../errors/error-handler.ts'
import { clientErrorHandler } from './parser-errors.ts'
import { routableUrl } from './routable-url.ts'

/** How often Node looks for connections past their time, in ms; its default of 30 s would be the error of each limit. */
export const CHECK_INTERVAL = 250

function requestId({ headers }: IncomingMessage) {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID()
}

/**
 * Text, as in a query, is coerced to the type its schema asks for; a body never is. Unknown fields are not dropped in
 * silence: `additionalProperties: false` in a schema refuses them. The schemas themselves are not validated against
 * draft-07, which takes a tenth of the start: Ajv refuses unknown keywords and wrong values of known ones all the same.
 * By hand: @fastify/ajv-compiler has one setting for both, and takes 12 ms.
 */
function buildValidator(shared: Readonly<Record<string, AnySchema | AnySchema[]>>) {
  function build(coerceTypes: 'array' | false) {
    const ajv = formats.default(
      new Ajv({ coerceTypes, useDefaults: true, addUsedSchema: false, validateSchema: false })
    )
    return ajv.addSchema(Object.values(shared).flat())
  }
  const [forText, forBodies] = [build('array'), build(false)]
  return (route: AnySchema) => {
    const { schema, httpPart }: FastifyRouteSchemaDef<AnySchema> = Object(route) // Fastify's type says it is the schema
    return (httpPart === 'body' ? forBodies : forText).compile(schema)
  }
}

/** All of Fastify's options. */
export function serverOptions(config: PlatformConfig, logger: FastifyBaseLogger) {
  const { REQUEST_TIMEOUT_MS: requestTimeout, KEEP_ALIVE_TIMEOUT_MS: keepAliveTimeout } = config
  return {
    loggerInstance: logger,
    logController: new AccessLog(),
    genReqId: requestId,
    trustProxy: config.TRUST_PROXY.length > 0 && [...config.TRUST_PROXY],
    frameworkErrors: errorHandler,
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
          requireHostHeader: false // answered in plugins/request-checks.ts, with headers and a log line
        },
        handler
      )
      return server.setTimeout(requestTimeout + 4 * CHECK_INTERVAL) // readers that take nothing of a reply
    }
  } satisfies FastifyServerOptions<Server>
}
