import { validateHeaderValue } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { lingerAfter } from '../http/connections.ts'
import { track } from '../http/in-flight.ts'
import { sendProblem } from '../problem/problem.ts'
import { detailOf, headersOf, isValidationError, statusOf } from './thrown.ts'

/** Where input comes in, as OpenAPI names it. */
const places = { querystring: 'query', params: 'path', headers: 'header', body: 'body' } as const

/** So that a reply that failed because of one of its headers does not fail again. */
function dropInvalidHeaders(reply: FastifyReply) {
  reply.raw.statusMessage = ''
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    try {
      validateHeaderValue(name, String(value))
    } catch {
      reply.removeHeader(name)
    }
  }
}

/**
 * Whatever was thrown, as a problem: below 500 it says what is wrong with the request, from 500 on nothing of the inside.
 * The status is the error's own, else the one that the reply has, as with @fastify/auth. Also what Fastify refuses before
 * any hook (URLs that cannot be routed, methods it does not know): nothing has checked how such a request is framed, so
 * it is the last on its connection.
 */
export function errorHandler(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const own = statusOf(error)
  const status = own ?? (reply.statusCode < 400 ? 500 : reply.statusCode)
  const exchange = track(request, reply)
  if (own === undefined || own >= 500) exchange.failure = { error }
  if (reply.raw.headersSent) {
    reply.hijack().raw.destroy() // too late to say what went wrong
    return
  }
  if (!reply.hasHeader('x-request-id')) {
    const { securityHeaders, corsHeaders } = request.server
    reply.headers({ ...securityHeaders, ...corsHeaders?.(request.headers.origin) })
    reply.headers({ 'x-request-id': request.id, connection: 'close' })
  }
  lingerAfter(request)
  if (status >= 500) {
    dropInvalidHeaders(reply)
    return sendProblem(reply, status)
  }
  reply.headers(headersOf(error))
  if (isValidationError(error)) {
    const place = places[error.validationContext ?? 'body']
    const errors = error.validation.map(({ instancePath, message = 'is not valid' }) => {
      return { in: place, path: instancePath, message }
    })
    return sendProblem(reply, status, { detail: 'The request does not match its schema.', errors })
  }
  const detail = own && detailOf(error)
  return sendProblem(reply, status, detail ? { detail } : {})
}

/** Every error as a problem. Must be registered before the routes. */
export default fp(
  async (app) => {
    app.setErrorHandler(errorHandler)
  },
  { name: 'errors' }
)
