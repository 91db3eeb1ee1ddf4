import type { FastifyReply, FastifyRequest } from 'fastify'

/** What the line of a request tells. */
export type LoggedRequest = {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** URL pattern. */
  readonly route: string
  readonly remoteAddress: string | undefined
  /** Of a probe or a scrape: not logged unless it fails. */
  readonly operational: boolean
  readonly isUpgraded: boolean
  readonly isFinished: boolean
  readonly failure: { readonly error: unknown } | undefined
  readonly reason: { readonly detail: string; readonly code: string | undefined } | undefined
  /** Why the service cut the reply. */
  readonly cut: string | undefined
}

/** Without query and fragment, and of an absolute URL without the host, because each of these may hold a secret. */
const pathOf = (url: string) => url.replace(/^\w+:\/\/[^/?#]*|[?#].*/gs, '')

/** 499: the client went before it had the whole reply, as in nginx. */
function statusOf({ isUpgraded, isFinished, failure, cut, reply }: LoggedRequest) {
  if (isUpgraded) return 101
  if (isFinished || failure) return reply.statusCode
  if (cut) return reply.raw.headersSent ? reply.statusCode : 503
  return 499
}

/**
 * Writes the line of a request when its reply has ended: sent, cut by the service (`cut` says why), or given up by the
 * client (499). A WebSocket is logged with 101 when it closes. What is logged is counted in
 * `app.metrics.requestDuration`; Fastify's hooks would miss URLs that cannot be routed.
 */
export function writeAccessLine(exchange: LoggedRequest): void {
  const { request, reply, route, remoteAddress, failure, cut } = exchange
  const { method, server, log } = request
  const statusCode = statusOf(exchange)
  if (exchange.operational && !failure && (statusCode === 200 || statusCode === 503)) return
  const responseTime = reply.elapsedTime
  if (statusCode !== 101) server.metrics.requestDuration.count(method, route, statusCode, responseTime / 1000)

  const entry = {
    method,
    path: pathOf(request.url),
    route,
    statusCode,
    responseTime,
    remoteAddress,
    ...exchange.reason
  }
  if (failure) {
    const level = statusCode >= 400 && statusCode < 500 ? 'info' : 'error'
    log[level]({ ...entry, err: failure.error }, 'request failed')
  } else if (statusCode === 499) log.info(entry, 'request aborted')
  else if (cut && !exchange.isFinished) log.warn({ ...entry, cut }, 'request cut')
  else log.info(entry, 'request completed')
}
