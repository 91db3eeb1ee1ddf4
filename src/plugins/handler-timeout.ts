import fp from 'fastify-plugin'
import { CHECK_INTERVAL } from '../options.ts'

class HandlerTimeoutError extends Error {
  readonly code = 'HANDLER_TIMEOUT'
  readonly statusCode = 503
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
      for (const reply of app.inFlight) {
        if (reply.elapsedTime < limit + 2 * CHECK_INTERVAL) return // a request that is not there yet gets 408 first
        if (reply.sent || reply.raw.headersSent) continue
        app.inFlight.delete(reply)
        reply.request.raw.emit('close') // what request.signal listens to
        if (!reply.sent) reply.send(new HandlerTimeoutError(`The handler took longer than ${limit} ms.`))
      }
    }
    const timer = setInterval(check, CHECK_INTERVAL).unref()
    app.addHook('onClose', async () => clearInterval(timer))
  },
  { name: 'handler-timeout', dependencies: ['connections'] }
)
