import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { writeAccessLine } from '../logging/access-line.ts'
import { track } from './in-flight.ts'

type LastResort = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void

/** Fastify's reports of each request: one line per request instead of Fastify's own two. */
export class RequestLog extends LogController {
  readonly #lastResort: LastResort

  /** `lastResort` answers where sending a problem has failed. Fastify offers no other place to do so than this report. */
  constructor(lastResort: LastResort) {
    super()
    this.#lastResort = lastResort
  }

  override incomingRequest(request: FastifyRequest, reply: FastifyReply) {
    track(request, reply, writeAccessLine)
  }

  /** Called after the reply; the access line is written by then. */
  override requestCompleted(err: Error | null | undefined, request: FastifyRequest) {
    if (err) request.log.error({ err }, 'a hook failed after the reply')
  }

  override defaultErrorLog(error: Error, request: FastifyRequest, reply: FastifyReply) {
    this.#lastResort(error, request, reply)
  }

  override streamError(error: Error & { code?: string }, { exchange }: FastifyRequest) {
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') exchange.failure = { error }
  }
}
