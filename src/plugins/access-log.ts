import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { problem, problemType } from '../problem.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route serves those who run the service (probes, metrics): never shed; what it answers with 200 or 503 is neither logged nor counted. */
    operational?: boolean
  }
}

const failures = new WeakMap<FastifyReply, unknown>()

/** Keeps what went wrong inside for the request's log line. */
export function recordFailure(reply: FastifyReply, error: unknown): void {
  failures.set(reply, error)
}

type Reason = { detail: string; code: string | undefined }

const reasons = new WeakMap<FastifyReply, Reason>()

/** Keeps why the request was refused, as its client is told, for its log line. */
export function recordReason(reply: FastifyReply, reason: Reason): void {
  reasons.set(reply, reason)
}

/** Without query and fragment, and of an absolute URL without the host, as each of these may hold a secret. */
const pathOf = (url: string) => url.replace(/^\w+:\/\/[^/?#]*|[?#].*/gs, '')

function onEnd(request: FastifyRequest, reply: FastifyReply, remoteAddress: string) {
  const failed = failures.has(reply)
  const { url: route = 'unmatched', config } = request.routeOptions
  if (config?.operational && !failed && [200, 503].includes(reply.statusCode)) return
  const { destroyed, writableFinished } = request.socket
  const aborted = !failed && destroyed && !(writableFinished && reply.raw.writableFinished)
  const statusCode = aborted ? 499 : reply.statusCode
  const responseTime = reply.elapsedTime
  request.server.metrics.requestDuration.count(request.method, route, statusCode, responseTime / 1000)

  const path = pathOf(request.url)
  const entry = { method: request.method, path, route, statusCode, responseTime, remoteAddress }
  if (!failed)
    return request.log.info({ ...entry, ...reasons.get(reply) }, aborted ? 'request aborted' : 'request completed')
  const level = statusCode >= 400 && statusCode < 500 ? 'info' : 'error'
  request.log[level]({ ...entry, err: failures.get(reply) }, 'request failed')
}

/**
 * One line a request, written when it ends: with its reply (`statusCode`, `responseTime` in ms), or without one when
 * the client went away first (499, as nginx has it). An error inside adds `err` and makes it a line of level error, but
 * for a status below 500 that the handler had set. What is logged is counted in `app.metrics.requestDuration`; Fastify's
 * hooks would miss the URLs that cannot be routed.
 */
export class AccessLog extends LogController {
  override incomingRequest(request: FastifyRequest, reply: FastifyReply) {
    const { ip } = request // here, as a socket that has gone has none
    reply.raw.on('close', () => onEnd(request, reply, ip))
  }

  /** On 'finish', which a client that went away never lets happen; so only for what an onResponse hook throws. */
  override requestCompleted(err: Error | null | undefined, request: FastifyRequest) {
    if (err) request.log.error({ err }, 'a hook failed after the reply')
  }

  /** Where an onSend hook fails the problem too, Fastify would log once more, then send the error's message. */
  override defaultErrorLog(error: Error, { id, server }: FastifyRequest, reply: FastifyReply) {
    if (!failures.has(reply)) recordFailure(reply, error)
    const body = JSON.stringify(problem(500, id))
    const own = { 'content-type': problemType, 'content-length': Buffer.byteLength(body), 'x-request-id': id }
    reply
      .hijack()
      .raw.writeHead(500, { ...server.securityHeaders, ...own })
      .end(body)
  }

  override streamError(error: Error & { code?: string }, _request: FastifyRequest, reply: FastifyReply) {
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') recordFailure(reply, error)
  }
}
