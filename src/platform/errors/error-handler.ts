import { validateHeaderValue } from 'node:http'
import type { DoneFuncWithErrOrRes, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { lingerAfter } from '../http/connections.ts'
import { track } from '../http/in-flight.ts'
import { problem, sendProblem } from '../problem/problem.ts'
import { answerTo, codeOf } from './thrown.ts'

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
 * Whatever was thrown, as a problem; `answerTo` says with which status and text. Also what Fastify refuses before any
 * hook (URLs that cannot be routed, methods it does not know): nothing has checked how such a request is framed, so it is
 * the last on its connection. The log line says why: the problem's `detail`, or for an internal error `err`.
 */
export function errorHandler(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const { status, isInternal, more = {}, headers = {} } = answerTo(error, reply.statusCode)
  const exchange = track(request, reply)
  if (isInternal || reply.raw.headersSent) exchange.failure = { error: error ?? String(error) }
  else exchange.reason = { detail: problem(status, '', more).detail, code: codeOf(error) }
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
  if (status >= 500) dropInvalidHeaders(reply)
  return sendProblem(reply.headers(headers), status, more)
}

/** Whether it is `{ error: 'text' }`, as @fastify/bearer-auth sends it. */
const isErrorText = (payload: unknown) =>
  payload instanceof Object && Object.keys(payload).join() === 'error' && typeof Object(payload).error === 'string'

/** Sends a problem in place of an error that a plugin sends as `{ error: 'text' }`, unless the route declares that. */
function replaceErrorText(_request: FastifyRequest, reply: FastifyReply, payload: unknown, done: DoneFuncWithErrOrRes) {
  const { statusCode: status } = reply
  if (status < 400 || !isErrorText(payload)) return done(null, payload)
  const declared = [`${status}`, status < 500 ? '4xx' : '5xx', 'default']
  if (declared.some((key) => reply.getSerializationFunction(key))) return done(null, payload)
  reply.request.exchange.failure = { error: payload }
  sendProblem(reply, status)
}

/** Every error as a problem. Must be registered before the routes. */
export default fp(
  async (app) => {
    app.setErrorHandler(errorHandler)
    app.addHook('preSerialization', replaceErrorText)
  },
  { name: 'errors' }
)
