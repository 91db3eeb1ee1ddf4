import { Worker } from 'node:worker_threads'

/** How long `onBlocked` may take before the process is killed, in ms. */
const KILL_AFTER = 1000

const event = 'shutdownBlocked'

/**
 * The code of the thread, in JavaScript, because a thread would need a loader to read TypeScript. The inspector runs the
 * expression on the main thread even if that is in an endless loop; in a system call it cannot, hence the kill.
 */
const thread = `
  const { Session } = require('node:inspector')
  const { workerData: { due, killAfter, expression } } = require('node:worker_threads')
  const ms = due - Number(process.hrtime.bigint() / 1_000_000n)
  setTimeout(() => {
    const session = new Session()
    session.connectToMainThread()
    session.post('Runtime.evaluate', { expression })
  }, ms)
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), ms + killAfter)`

/**
 * Calls `onBlocked` if the process still exists after `ms`, even if a hook or an `exit` listener blocks the event loop.
 * The error's stack shows where. `onBlocked` must end the process. A second later the process is killed, for example
 * because a system call blocks it, so that `onBlocked` cannot run.
 * @throws (rejects) if the thread cannot be started
 */
export async function startWatchdog(ms: number, onBlocked: (err: Error) => void): Promise<void> {
  process.once(event, () => onBlocked(new Error('The event loop is blocked')))
  const due = Number(process.hrtime.bigint() / 1_000_000n) + ms
  const workerData = { due, killAfter: KILL_AFTER, expression: `process.emit('${event}')` }
  // The thread does not load what NODE_OPTIONS or --import name.
  new Worker(thread, { eval: true, env: {}, execArgv: [], workerData }).unref()
}
