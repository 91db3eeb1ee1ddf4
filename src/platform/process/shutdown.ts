import { setTimeout as sleep } from 'node:timers/promises'
import { close } from './close.ts'
import { exit, exitNow } from './exit.ts'
import type { Running } from './start.ts'
import { startWatchdog } from './watchdog.ts'

/** How long closing may take after a crash, in ms. */
const CRASH_TIMEOUT = 4000
/** How long the exit may take after everything else, in ms. */
const EXIT_TIMEOUT = 600

/**
 * Ends the service. It is unready at once and serves on for the drain delay. Then the app closes, and after it the admin
 * listener, which answers probes until then. Every path ends in an exit: with 0, or with 1 if something went wrong.
 */
export class Shutdown {
  readonly #running: Running
  readonly #begun = new AbortController()
  #failed = false

  constructor(running: Running) {
    this.#running = running
  }

  /** Aborted when the shutdown begins. */
  get signal(): AbortSignal {
    return this.#begun.signal
  }

  /** Stops the service as its config says. */
  drain(): void {
    const { DRAIN_DELAY_MS = 0, SHUTDOWN_TIMEOUT_MS = 0 } = this.#running.config ?? {}
    if (!this.signal.aborted) this.#stop(DRAIN_DELAY_MS, SHUTDOWN_TIMEOUT_MS)
  }

  /** Stops the service within 5 s, with exit code 1. */
  crash(): void {
    this.#failed = true
    this.#stop(0, CRASH_TIMEOUT)
  }

  /** Exits with 1 at once. */
  abandon(): void {
    this.#failed = true
    this.#watch(EXIT_TIMEOUT)
    exitNow(this.#running.log, 1)
  }

  /** Makes the exit code 1, and says why in one error line. */
  fail(message: string, err?: unknown): void {
    this.#failed = true
    this.#running.log.error(err === undefined ? {} : { err }, message)
  }

  async #stop(delay: number, timeout: number) {
    this.#begun.abort()
    const { log, output, app, admin } = this.#running
    if (app) {
      app.phase = 'draining'
      const wait = app.server.listening ? delay : 0
      this.#watch(wait + timeout + EXIT_TIMEOUT)
      await sleep(wait)
      const pending = await close(admin ? [app, admin] : [app], timeout, (message, err) => this.fail(message, err))
      if (pending) this.#giveUp(`${pending} hooks did not finish within ${timeout} ms`)
    }
    exit(log, output, this.#failed ? 1 : 0)
  }

  #watch(ms: number) {
    startWatchdog(ms, (err) => {
      this.#giveUp('the shutdown is blocked', err)
      this.#running.output.flushSync()
      process.exit(1)
    })
  }

  /** Says why the service did not stop in time, unless a line before has said what failed. */
  #giveUp(message: string, err?: unknown) {
    if (!this.#failed) this.fail(message, err)
  }
}
