import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { CHECK_INTERVAL } from '../options.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The replies whose handlers have begun and not answered yet, oldest first. */
    handling: Set<FastifyReply>
  }
}

class HandlerTimeoutError extends Error {
  readonly code = 'HANDLER_TIMEOUT'
  readonly statusCode = 503
}

/**
 * `app.handling`, and a limit to it: a handler that does not answer within REQUEST_TIMEOUT_MS is answered for, with 503,
 * and `request.signal` aborts. All handlers are looked at four times a second; Fastify's own `handlerTimeout`, a timer and
 * an AbortController a request, costs 0.3 of a bare one.
 */
export default fp(
  async (app) => {
    const handling = new Set<FastifyReply>()
    app.decorate('handling', handling)
    app.addHook('preHandler', (_request, reply, done) => {
      handling.add(reply)
      done()
    })
    app.addHook('onSend', (_request, reply, payload, done) => {
      handling.delete(reply)
      done(null, payload)
    })

    const limit = app.config.REQUEST_TIMEOUT_MS
    function check() {
      for (const reply of handling) {
        if (reply.raw.closed)
          handling.delete(reply) // hijacked, or left by its client
        else if (!reply.sent && reply.elapsedTime > limit) {
          reply.request.raw.emit('close') // what request.signal listens to
          reply.send(new HandlerTimeoutError(`The handler took longer than ${limit} ms.`))
        }
      }
    }
    const timer = setInterval(check, CHECK_INTERVAL).unref()
    app.addHook('onClose', async () => clearInterval(timer))
  },
  { name: 'handlers', decorators: { fastify: ['config'] } }
)
