import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'

/** How long closing may go on after requests in flight were cut, in ms. */
const CUT_TIMEOUT = 300

/** Takes what goes into one error line. */
type Report = (message: string, err?: unknown) => void

/** Settles to an object, which has `err` if a hook failed. */
function startClosing(app: FastifyInstance): Promise<{ err?: unknown }> {
  return app.close().then(
    () => ({}),
    (err: unknown) => ({ err })
  )
}

/**
 * Closes `apps` one after the other, all within `timeout` ms. Requests that are still in flight then are cut, and the
 * onClose hooks have 300 ms more. Never rejects.
 * @returns the kind of hook that did not finish in time, if it was a hook
 */
export async function close(
  apps: readonly FastifyInstance[],
  timeout: number,
  report: Report
): Promise<string | undefined> {
  const deadline = sleep(timeout, undefined)
  for (const app of apps) {
    const { server } = app
    const hasListened = server.listening
    const closing = startClosing(app)
    let outcome = await Promise.race([closing, deadline])
    const isLate = !outcome
    if (isLate) {
      // Fastify runs preClose hooks while it listens, then waits for requests in flight, then runs onClose hooks.
      if (server.listening) return 'preClose'
      const connections = await promisify(server.getConnections.bind(server))()
      if (connections === 0) return hasListened ? 'onClose' : 'onReady, preClose or onClose'
      report('requests still in flight were cut')
      app.inFlight.cut()
      outcome = await Promise.race([closing, sleep(CUT_TIMEOUT, undefined)])
    }
    if (outcome && 'err' in outcome) report('a preClose or onClose hook failed', outcome.err)
    if (isLate) return undefined
  }
  return undefined
}
