import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import createError from 'http-errors'
import { CHECK_INTERVAL } from '../options.ts'
import { sendProblem } from '../problem.ts'
import { lingerAfter } from './connections.ts'
import { untrack } from './in-flight.ts'

/** Node looks for late requests no more once the app closes. */
function refuse(reply: FastifyReply) {
  lingerAfter(reply.request)
  sendProblem(reply.header('connection', 'close'), 408)
}

/**
 * Answers with 503 for a handler that does not within REQUEST_TIMEOUT_MS, and aborts its `request.signal`. A reply that
 * has begun may go on as long as it moves. The requests in flight are looked at four times a second: Fastify's
 * `handlerTimeout`, a timer and an AbortController for each request, costs 0.3 of a bare one.
 */
export default fp(
  async (app) => {
    const limit = app.config.REQUEST_TIMEOUT_MS
    function check() {
      for (const reply of [...app.inFlight]) {
        if (reply.elapsedTime < limit + 2 * CHECK_INTERVAL) return // a request that is not there yet gets 408 first
        if (reply.sent || reply.raw.headersSent) continue
        untrack(reply)
        const { raw } = reply.request
        raw.emit('close') // what request.signal listens to; after a body it comes too early (fastify#7033)
        if (reply.sent) continue
        if (raw.complete)
          reply.send(createError(503, `The handler took longer than ${limit} ms.`, { code: 'HANDLER_TIMEOUT' }))
        else refuse(reply)
      }
    }
    const timer = setInterval(check, CHECK_INTERVAL).unref()
    app.addHook('onClose', async () => clearInterval(timer))
  },
  { name: 'handler-timeout', dependencies: ['in-flight'] }
)
