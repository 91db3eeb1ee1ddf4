import { performance } from 'node:perf_hooks'
import fp from 'fastify-plugin'
import { Counter } from 'prom-client'
import { sendProblem } from '../problem.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether a request was shed within the last second. */
    overloaded(): boolean
  }
}

/**
 * Sheds what would be answered too late: a request that arrives once the current turn of the event loop has already
 * spent `OVERLOAD_DELAY_MS` gets 503 with `Retry-After`.
 */
export default fp(
  async (app) => {
    const limit = app.config.OVERLOAD_DELAY_MS
    const shed = new Counter({
      name: 'http_server_requests_shed_total',
      help: 'Requests refused with 503 because the event loop was late.',
      registers: [app.metrics]
    })
    let lastShed = Number.NEGATIVE_INFINITY
    let turnStart: number | undefined

    app.decorate('overloaded', () => performance.now() - lastShed < 1000)
    if (limit === 0) return
    app.server.prependListener('request', () => {
      if (turnStart !== undefined) return
      turnStart = performance.now()
      setImmediate(() => {
        turnStart = undefined
      })
    })
    app.addHook('onRequest', (request, reply, done) => {
      const now = performance.now()
      if (now - (turnStart ?? now) <= limit || request.routeOptions.config.operational) return done()
      lastShed = now
      shed.inc()
      sendProblem(reply.header('retry-after', '1'), 503)
    })
  },
  { name: 'overload', dependencies: ['metrics'] }
)
