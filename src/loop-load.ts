import { performance } from 'node:perf_hooks'

/** How often the event loop is measured, in ms. */
const TICK = 20
/** How many ticks an average goes back, and a late one counts for. */
const MEMORY = 10
/** So many requests may be ahead whatever they seem to cost: the loop may have been busy with other things. */
const ALWAYS = 10

/** What requests cost of the event loop, and whether it is late, measured every 20 ms. */
export class LoopLoad {
  /** Requests that have been let through since the last tick. */
  admitted = 0
  readonly #limit: number
  readonly #countRunning: () => number
  readonly #timer: NodeJS.Timeout
  #running = 0 // at the last tick
  #cost = 0 // ms
  #lateFor = 0 // ticks to come
  #usage = performance.eventLoopUtilization()
  #due = performance.now() + TICK

  /** `limit`: how long a request may wait, in ms; the loop is late from a quarter of it on. `countRunning`: handlers at work. */
  constructor(limit: number, countRunning: () => number) {
    this.#limit = limit
    this.#countRunning = countRunning
    this.#timer = setInterval(() => this.#tick(), TICK).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** How long a request would wait, in ms, behind `queued` others and, where the loop is late, those in their handlers. */
  wait(queued: number): number {
    return this.#cost * (this.#lateFor > 0 ? Math.max(this.#running + this.admitted, queued) : queued)
  }

  #tick() {
    const now = performance.now()
    this.#lateFor = now - this.#due > this.#limit / 4 ? MEMORY : Math.max(this.#lateFor - 1, 0)
    this.#due = now + TICK
    const { active } = performance.eventLoopUtilization(this.#usage)
    this.#usage = performance.eventLoopUtilization()
    const running = this.#countRunning()
    const ended = this.admitted + this.#running - running
    if (ended > 0) {
      const most = Math.min(this.#limit / ALWAYS, 4 * this.#cost + 2) // a tick of a starved process makes requests dear
      this.#cost += (Math.min(active / ended, most) - this.#cost) / MEMORY
    }
    this.#running = running
    this.admitted = 0
  }
}
