import { performance } from 'node:perf_hooks'
import fp from 'fastify-plugin'
import { configOf } from '../config/variables.ts'
import { sendProblem } from '../problem/problem.ts'
import { TurnQueue } from './turn-queue.ts'
import { VirtualQueue } from './virtual-queue.ts'

/** How often the event loop is measured, in ms. */
const INTERVAL = 20

/**
 * Refuses a request with 503 and `Retry-After: 1` while the CPU time owed to admitted requests exceeds
 * `OVERLOAD_DELAY_MS`; 0: never. Requests that only wait, as for a backing service, owe nothing. A request has ended when
 * its reply emits `close`. Routes with `operational: true` are never refused. Measurements: bench/README.md, "Overload".
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
      reply.raw.on('close', end)
      turns.push(now, done)
    })
  },
  { name: 'overload', dependencies: ['metrics'] }
)
