import { validateHeaderValue } from 'node:http'
import type { DoneFuncWithErrOrRes, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { problem, sendProblem } from '../problem.ts'
import { answerTo, codeOf } from '../thrown.ts'
import { recordFailure, recordReason } from './access-log.ts'
import { lingerAfter } from './connections.ts'
import { track } from './in-flight.ts'

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
  if (isInternal || reply.raw.headersSent) recordFailure(reply, error ?? String(error))
  else recordReason(reply, { detail: problem(status, '', more).detail, code: codeOf(error) })
  if (reply.raw.headersSent) {
    reply.hijack().raw.destroy() // too late to say what went wrong
    return
  }
  if (!reply.hasHeader('x-request-id')) {
    track(request, reply)
    const { securityHeaders, corsHeaders } = request.server
    reply.headers({ ...securityHeaders, ...corsHeaders?.(request.headers.origin) })
    reply.headers({ 'x-request-id': request.id, connection: 'close' })
  }
  lingerAfter(request)
  if (status >= 500) dropInvalidHeaders(reply)
  return sendProblem(reply.headers(headers), status, more)
}

function notFoundHandler(this: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
  const url = request.url.replace(/\?.*/s, '')
  const allow = this.supportedMethods.filter((method) => method !== 'OPTIONS' && this.findRoute({ method, url }))
  const isWrongMethod = allow.length > 0 && !allow.includes(request.method)
  return !isWrongMethod ? sendProblem(reply, 404) : sendProblem(reply.header('allow', allow.join(', ')), 405)
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
  recordFailure(reply, payload)
  sendProblem(reply, status)
}

/** Every error as a problem; 405 with `Allow` where only the method is wrong. Must be registered before the routes. */
export default fp(
  async (app) => {
    app.setErrorHandler(errorHandler)
    app.setNotFoundHandler(notFoundHandler)
    app.addHook('preSerialization', replaceErrorText)
  },
  { name: 'errors' }
)
