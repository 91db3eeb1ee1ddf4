import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { rawProblem } from '../problem/problem.ts'
import type { Exchange } from '../http/exchange.ts'
import { track } from '../http/in-flight.ts'

/** Without query and fragment, and of an absolute URL without the host, because each of these may hold a secret. */
const pathOf = (url: string) => url.replace(/^\w+:\/\/[^/?#]*|[?#].*/gs, '')

/** 499: the client went before it had the whole reply, as in nginx. */
function statusOf({ isUpgraded, isFinished, failure, cut, reply }: Exchange) {
  if (isUpgraded) return 101
  if (isFinished || failure) return reply.statusCode
  if (cut) return reply.raw.headersSent ? reply.statusCode : 503
  return 499
}

function writeLine(exchange: Exchange) {
  const { request, reply, route, remoteAddress, failure, cut } = exchange
  const { method, server, log } = request
  const statusCode = statusOf(exchange)
  if (exchange.operational && !failure && (statusCode === 200 || statusCode === 503)) return
  const responseTime = reply.elapsedTime
  if (statusCode !== 101) server.metrics.requestDuration.count(method, route, statusCode, responseTime / 1000)

  const entry = { method, path: pathOf(request.url), route, statusCode, responseTime, remoteAddress }
  if (failure) {
    const level = statusCode >= 400 && statusCode < 500 ? 'info' : 'error'
    log[level]({ ...entry, err: failure.error }, 'request failed')
  } else if (statusCode === 499) log.info(entry, 'request aborted')
  else if (cut && !exchange.isFinished) log.warn({ ...entry, cut }, 'request cut')
  else log.info(entry, 'request completed')
}

/**
 * One line per request, written when its reply has ended: sent, cut by the service (`cut` says why), or given up by the
 * client (499). A WebSocket is logged with 101 when it closes. What is logged is counted in
 * `app.metrics.requestDuration`; Fastify's hooks would miss URLs that cannot be routed.
 */
export class AccessLog extends LogController {
  override incomingRequest(request: FastifyRequest, reply: FastifyReply) {
    track(request, reply, writeLine)
  }

  /** Called after the reply; the access line is written by then. */
  override requestCompleted(err: Error | null | undefined, request: FastifyRequest) {
    if (err) request.log.error({ err }, 'a hook failed after the reply')
  }

  /**
   * Called when sending the problem has failed too, as with an onSend hook that always throws. Fastify would then send
   * the message of the error, and has no other place to prevent that.
   */
  override defaultErrorLog(error: Error, { id, server, exchange }: FastifyRequest, reply: FastifyReply) {
    exchange.failure ??= { error }
    const { headers, body } = rawProblem(server, 500, id)
    reply.hijack().raw.writeHead(500, headers).end(body)
  }

  override streamError(error: Error & { code?: string }, { exchange }: FastifyRequest) {
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') exchange.failure = { error }
  }
}
