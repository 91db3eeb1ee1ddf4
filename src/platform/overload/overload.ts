import { performance } from 'node:perf_hooks'
import fp from 'fastify-plugin'
import { configOf } from '../config/variables.ts'
import type { Exchange } from '../http/exchange.ts'
import { sendProblem } from '../problem/problem.ts'
import { TurnQueue } from './turn-queue.ts'
import { VirtualQueue } from './virtual-queue.ts'

/** How often the event loop is measured, in ms. */
const INTERVAL = 20

/** A request that is answered, or given up, owes no more CPU time. */
function settle(exchange: Exchange) {
  exchange.settle?.()
  exchange.settle = undefined
}

/**
 * Refuses a request with 503 and `Retry-After: 1` while the CPU time owed to admitted requests exceeds
 * `OVERLOAD_DELAY_MS`; 0: never. Requests that only wait, as for a backing service, owe nothing. A request owes nothing
 * once its reply is on its way, however slowly that is read. Routes with `operational: true` are never refused.
 */
export default fp(
  async (app) => {
    const limit = configOf(app).OVERLOAD_DELAY_MS
    if (limit === 0) return

    const owed = new VirtualQueue(limit)
    const turns = new TurnQueue()
    let usage = performance.eventLoopUtilization()
    function measure() {
      const last = usage
      usage = performance.eventLoopUtilization()
      owed.measure(usage.active - last.active)
    }
    const timer = setInterval(measure, INTERVAL).unref()
    app.addHook('onClose', async () => clearInterval(timer))
    app.server.on('connection', () => turns.connected())

    app.addHook('onRequest', (request, reply, done) => {
      if (request.routeOptions.config.operational) return done()
      const now = performance.now()
      const end = owed.admit(now, turns.waited(now))
      if (!end) {
        app.metrics.shed++
        return sendProblem(reply.header('retry-after', '1'), 503)
      }
      request.exchange.settle = end
      reply.raw.on('close', () => settle(request.exchange))
      turns.push(now, done)
    })
    app.addHook('onSend', ({ exchange }, _reply, _payload, done) => {
      settle(exchange)
      done()
    })
  },
  { name: 'overload', dependencies: ['metrics'] }
)
