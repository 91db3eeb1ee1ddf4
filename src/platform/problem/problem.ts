import { STATUS_CODES } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Problem } from './problem-schema.ts'

type More = Partial<Pick<Problem, 'type' | 'detail' | 'code' | 'errors'>>

export const problemType = 'application/problem+json'

/** What went wrong, in a sentence that is the same whatever was sent. */
const details: Readonly<Record<number, string>> = {
  400: 'The request is malformed.',
  404: 'Nothing is here.',
  405: 'This method is not allowed here; Allow lists those that are.',
  408: 'The request did not arrive in time.',
  413: 'The body is larger than allowed.',
  414: 'A part of the path is longer than allowed.',
  415: 'The content type is not supported here.',
  431: 'The header fields are larger than allowed.',
  500: 'Something went wrong on our side.',
  503: 'The service cannot answer now; try again later.'
}

/** The shape of every error of the service: RFC 9457, with `requestId` and, where there is one, a `code`; for validation, `errors`. */
export function problem(status: number, requestId: string, more: More = {}): Problem {
  const title = STATUS_CODES[status] ?? 'Unknown Error'
  return { type: 'about:blank', title, status, detail: details[status] ?? title, requestId, ...more }
}

/** Of the reply that was meant to be sent. */
const representation = ['content-encoding', 'content-disposition', 'content-range', 'etag', 'last-modified']

/** Sends it as text, which no preSerialization hook wraps. */
export function sendProblem(reply: FastifyReply, status: number, more?: More) {
  for (const name of representation) reply.removeHeader(name)
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .header('content-type', problemType)
    .serializer(String)
    .send(JSON.stringify(problem(status, reply.request.id, more)))
}

/** A problem to be written past Fastify: the headers of any reply, and the body. */
export function rawProblem({ securityHeaders }: FastifyInstance, status: number, requestId: string) {
  const body = JSON.stringify(problem(status, requestId))
  const own = { 'content-type': problemType, 'content-length': Buffer.byteLength(body), 'x-request-id': requestId }
  return { headers: { ...securityHeaders, ...own }, body }
}
