import fp from 'fastify-plugin'
import createError from 'http-errors'
import { configOf } from '../config/variables.ts'
import type { Exchange } from './exchange.ts'
import { CHECK_INTERVAL } from './http-server.ts'
import { refuseBody } from './parser-errors.ts'

function endOfTime(exchange: Exchange, limit: number) {
  exchange.isTimedOut = true
  const error = createError(503, `The handler took longer than ${limit} ms.`, { code: 'HANDLER_TIMEOUT' })
  exchange.abort(error)
  if (!exchange.isUnanswered) return // by a listener of the signal
  if (exchange.request.raw.complete) exchange.reply.send(error)
  else refuseBody(exchange, 408, error)
}

/**
 * Answers 503 for a handler that does not answer within the limit of its route, and aborts `request.signal`; 408 if the
 * body is incomplete. Exchanges in flight are checked four times a second: Fastify's `handlerTimeout` makes a timer and
 * an AbortController per request, which is slower (see bench).
 */
export default fp(
  async (app) => {
    const { REQUEST_TIMEOUT_MS } = configOf(app)
    function check() {
      for (const exchange of app.inFlight) {
        const limit = exchange.timeout ?? REQUEST_TIMEOUT_MS
        const isLate = limit > 0 && exchange.reply.elapsedTime >= limit + 2 * CHECK_INTERVAL // Node's 408 comes first
        if (isLate && exchange.isUnanswered && !exchange.isTimedOut) endOfTime(exchange, limit)
      }
    }
    const timer = setInterval(check, CHECK_INTERVAL).unref()
    app.addHook('onClose', async () => clearInterval(timer))
  },
  { name: 'handler-timeout', dependencies: ['in-flight'] }
)
