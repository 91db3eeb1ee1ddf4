/** How long after the first signal a second one counts as the same, in ms. */
const SAME_SIGNAL = 200

/** Signals that stop the service. Without workers there is nothing to reload, so SIGHUP stops it too. */
const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Calls `onFirst` for the first signal to stop, and `onLater` for each one that comes more than 200 ms after it. Ctrl-C
 * in a terminal reaches the process twice if a parent, such as npm or tsx, passes the signal on.
 *
 * By hand, because close-with-grace 2.5 exits with 1 on any second signal: `onSecondSignal` cannot prevent that, and with
 * the signals in `skip` nothing is left of it but a timer.
 */
export function onStopSignal(onFirst: () => void, onLater: () => void): void {
  let phase: 'running' | 'signalled' | 'stopping' = 'running'
  function onSignal() {
    if (phase === 'stopping') return onLater()
    if (phase === 'signalled') return
    phase = 'signalled'
    onFirst()
    // The immediate runs after signals that arrived in time while the event loop was blocked.
    setTimeout(() => {
      setImmediate(() => {
        phase = 'stopping'
      })
    }, SAME_SIGNAL)
  }
  for (const signal of stopSignals) process.on(signal, onSignal)
}
