import { AsyncResource } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'

/** How long one turn of the event loop may start requests, in ms. */
const SLICE = 5
/** How many connections may be accepted, one per turn, before requests that wait are started. */
const ACCEPTS = 100

type Loop = { now: () => number; setImmediate: (callback: () => void) => unknown }

/**
 * Starts requests in order of arrival: during at most 5 ms of each turn of the event loop, and not in turns that accept a
 * connection, up to 100 of them in a row. Node accepts one connection per turn, so clients would wait for seconds while
 * turns are long.
 */
export class TurnQueue {
  readonly #loop: Loop
  readonly #waiting: { since: number; start: () => void }[] = []
  #turnStart: number | undefined
  #connected = false // in this turn
  #accepted = 0 // since requests were last started
  #scheduled = false

  /** `loop`: the clock in ms, and what calls back at the end of the turn. */
  constructor(loop: Loop = { now: () => performance.now(), setImmediate }) {
    this.#loop = loop
  }

  /** How long the first request in the queue has waited, in ms. */
  waited(now: number): number {
    return now - (this.#waiting[0]?.since ?? now)
  }

  /** Call it for each connection that is accepted. */
  connected(): void {
    this.#connected = true
    this.#schedule()
  }

  /** Calls `start` now or in a later turn, in the async context of this call. */
  push(now: number, start: () => void): void {
    this.#turnStart ??= now
    this.#schedule()
    if (this.#waiting.length === 0 && !this.#connected && now - this.#turnStart <= SLICE) {
      start()
    } else {
      const context = new AsyncResource('TurnQueue') // AsyncResource.bind is slower: see bench
      this.#waiting.push({ since: now, start: () => context.runInAsyncScope(start) })
    }
  }

  #schedule() {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#loop.setImmediate(() => this.#endTurn())
  }

  #endTurn() {
    if (!this.#connected || ++this.#accepted >= ACCEPTS) this.#startRequests()
    this.#turnStart = undefined
    this.#connected = false
    this.#scheduled = false
    if (this.#waiting.length > 0) this.#schedule()
  }

  #startRequests() {
    this.#accepted = 0
    const end = this.#loop.now() + SLICE
    while (this.#waiting.length > 0 && this.#loop.now() < end) this.#waiting.shift()?.start()
  }
}
