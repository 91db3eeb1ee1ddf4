import { performance } from 'node:perf_hooks'
import fp from 'fastify-plugin'
import { LoopLoad } from '../loop-load.ts'
import { sendProblem } from '../problem.ts'
import { TurnQueue } from '../turn-queue.ts'
import type { InFlight } from './in-flight.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether a request was shed within the last second. */
    overloaded(): boolean
  }
}

function countRunning(inFlight: InFlight) {
  let count = 0
  for (const { isUnanswered, request } of inFlight) if (isUnanswered && request.raw.complete) count++
  return count
}

/**
 * Sheds what would be answered too late: 503 with `Retry-After` for a request that would wait for more than
 * `OVERLOAD_DELAY_MS`, by what a request costs of the event loop and how many are ahead of it: those that queue for the
 * loop, or, where the loop is late all the same, those in their handlers. Injected requests do not queue.
 *
 * Measured on a route of 5 ms by `npm run test:faults -- overload`, Node 20, 2 cores: goodput in % of the capacity C and
 * p99 of what was admitted, in ms; then what a hello with 50 connections loses.
 *
 * |                                            | 0.8 x C | 2 x C    | 10 x C                     | hello |
 * | this                                       | 80, 10  | 110, 113 | 88, 198                    | 0     |
 * | refusing after 25 ms within a turn         | 80, 11  | 101, 59  | 80, 84; 8% without answer  | 0.1%  |
 * | under-pressure, interval, delay            | 80, 38  | 92, 255  | 69, 2341; 60% without one  | 0     |
 * | under-pressure, interval, delay or 98% use | 80, 9   | 120, 75  | 117, 345                   | 99%   |
 *
 * 5 ms that begin after an await of 20 ms are noticed later: 2 x C left 117%, p99 171 ms, 10 x C 94%, but 5% came too
 * late or not at all.
 */
export default fp(
  async (app) => {
    const limit = app.config.OVERLOAD_DELAY_MS
    let lastShed = Number.NEGATIVE_INFINITY
    app.decorate('overloaded', () => performance.now() - lastShed < 1000)
    if (limit === 0) return

    const queue = new TurnQueue()
    const load = new LoopLoad(limit, () => countRunning(app.inFlight) - queue.length)
    app.addHook('onClose', async () => load.stop())
    app.server.on('connection', () => queue.begin()).prependListener('request', () => queue.begin())

    app.addHook('onRequest', (request, reply, done) => {
      if (request.routeOptions.config.operational) return done()
      const now = performance.now()
      if (Math.max(load.wait(queue.length), queue.waited(now)) > limit) {
        lastShed = now
        app.metrics.shed++
        return sendProblem(reply.header('retry-after', '1'), 503)
      }
      function admit() {
        load.admitted++
        done()
      }
      if (queue.isOpen(now)) admit()
      else queue.push(admit)
    })
  },
  { name: 'overload', dependencies: ['metrics', 'in-flight'] }
)
