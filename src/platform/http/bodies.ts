import { getHeapStatistics } from 'node:v8'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { sendProblem } from '../problem/problem.ts'
import { BodyBudget, type HeldBody } from './body-budget.ts'
import { lingerAfter } from './connections.ts'
import type { Exchange } from './exchange.ts'
import { refuseBody } from './parser-errors.ts'
import { hasBody } from './request-checks.ts'

/** The part of V8's heap limit that bodies may hold. Parsed, they take several times their length. */
const SHARE = 1 / 16

/**
 * A body may arrive in 1,000 pieces of any size; what is more must have 64 bytes a piece on average. A piece is what
 * Node hands on at once: a chunk of the chunked coding, or one read from the socket. TCP sends segments of several
 * hundred bytes on the worst of networks, so only a client that makes small pieces on purpose exceeds this.
 */
const FREE_PIECES = 1000
const PIECE = 64 // bytes

const TOO_MANY = 'The body arrives in too many small pieces.'

/**
 * Bounds what bodies cost.
 * - All that the app holds have at most `limit` bytes together, by default a sixteenth of V8's heap limit; beyond it,
 *   503 with `Retry-After`. A body is held from its first byte until its handler answers, or until its handler begins
 *   where that reads it as a stream.
 * - A body that arrives in too many small pieces gets 400: each of them costs more than its bytes.
 */
export default fp(
  async (app, { limit = getHeapStatistics().heap_size_limit * SHARE }: { limit?: number }) => {
    const budget = new BodyBudget(limit)
    const held = new WeakMap<FastifyRequest, HeldBody>()

    function release(request: FastifyRequest) {
      const body = held.get(request)
      if (!body) return
      held.delete(request)
      budget.release(body)
    }

    /** Answers with `status`, or cuts the connection where the reply has begun. Whoever reads the body lets it go. */
    function refuse(exchange: Exchange, status: number, detail?: string) {
      const { request, reply } = exchange
      if (!exchange.isUnanswered) return request.socket.destroy()
      lingerAfter(request)
      if (!held.has(request)) return refuseBody(exchange, status, new Error(detail))
      for (const event of ['data', 'end', 'error']) request.raw.removeAllListeners(event)
      release(request)
      return sendProblem(reply.header('connection', 'close'), status, detail ? { detail } : {})
    }

    function hold({ exchange, raw }: FastifyRequest, reply: FastifyReply) {
      const { request } = exchange
      let pieces = 0
      let received = 0 // bytes
      const body = {
        held: 0,
        refuse() {
          reply.header('retry-after', '1')
          refuse(exchange, 503)
        }
      }
      function onData({ length }: Buffer) {
        received += length
        if (++pieces > FREE_PIECES + received / PIECE) {
          raw.off('data', onData)
          refuse(exchange, 400, TOO_MANY)
        } else if (held.has(request)) budget.add(body, length)
      }
      held.set(request, body)
      reply.raw.once('close', () => release(request))
      raw.once('resume', () => raw.on('data', onData)) // with a reader: a listener alone would make it flow
      raw.once('end', () => budget.complete(body))
    }

    app.addHook('onRequest', (request, reply, done) => {
      if (hasBody(request.raw.headers)) hold(request, reply)
      done()
    })
    app.addHook('onRoute', (route) => {
      if ([route.method].flat().every((method) => method === 'GET' || method === 'HEAD')) return
      route.preValidation = [route.preValidation ?? []].flat().concat((request, _reply, done) => {
        if (!request.raw.readableEnded) release(request)
        done()
      })
      route.onSend = [route.onSend ?? []].flat().concat((request, _reply, payload, done) => {
        release(request)
        done(null, payload)
      })
    })
  },
  { name: 'bodies', dependencies: ['in-flight'] }
)
