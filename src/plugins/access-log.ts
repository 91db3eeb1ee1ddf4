import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'

const failures = new WeakMap<FastifyReply, unknown>()

/** Keeps what went wrong inside for the request's log line. */
export function recordFailure(reply: FastifyReply, error: unknown): void {
  failures.set(reply, error)
}

/** Whether the client went away before it had the whole reply. */
export const isAborted = ({ raw, request }: FastifyReply) => !raw.writableFinished && request.socket.destroyed

/**
 * One line a request, written when it ends: with its reply (`statusCode`, `responseTime` in ms), or without one when
 * the client went away first (499, as nginx has it). An error inside makes it a line of level error, with `err`.
 */
export class AccessLog extends LogController {
  override incomingRequest(request: FastifyRequest, reply: FastifyReply) {
    reply.raw.once('close', () => {
      const failed = failures.has(reply)
      const aborted = !failed && isAborted(reply)
      const entry = {
        method: request.method,
        path: request.url.split('?', 1)[0],
        route: request.routeOptions.url ?? 'unmatched',
        statusCode: aborted ? 499 : reply.statusCode,
        responseTime: reply.elapsedTime,
        remoteAddress: request.ip
      }
      if (failed) request.log.error({ ...entry, err: failures.get(reply) }, 'request failed')
      else request.log.info(entry, aborted ? 'request aborted' : 'request completed')
    })
  }

  override requestCompleted() {} // the line is written on close, which comes after an abort too

  override streamError(error: Error & { code?: string }, _request: FastifyRequest, reply: FastifyReply) {
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') recordFailure(reply, error)
  }
}
