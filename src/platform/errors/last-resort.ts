import type { FastifyReply, FastifyRequest } from 'fastify'
import { rawProblem } from '../problem/problem.ts'

/**
 * Answers 500 past Fastify, for an error that was thrown while a problem was being sent, as by an onSend hook that always
 * throws. Fastify would then send the message of the error.
 */
export function lastResort(error: unknown, { id, server, exchange }: FastifyRequest, reply: FastifyReply): void {
  exchange.failure ??= { error }
  const { headers, body } = rawProblem(server, 500, id)
  reply.hijack().raw.writeHead(500, headers).end(body)
}
