import { AsyncResource } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'

/** How long one turn of the event loop may start requests, in ms. */
const SLICE = 5
/** How long new connections may keep requests waiting, in ms. */
const HOLD = 25

type Loop = { now: () => number; setImmediate: (callback: () => void) => unknown }

/**
 * Starts requests in order of arrival, during at most 5 ms of each turn of the event loop, and first lets the loop accept
 * the connections that wait. Node accepts one connection per turn: if turns are long, clients wait for seconds.
 */
export class TurnQueue {
  readonly #loop: Loop
  readonly #waiting: { since: number; start: () => void }[] = []
  #turnStart: number | undefined
  #connected = false // in this turn
  #scheduled = false
  #heldSince = 0

  /** `loop`: the clock and the end of the turn; tests bring their own. */
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
    this.#begin(this.#loop.now())
  }

  /** Calls `start` now or in a later turn, in the async context of this call. */
  push(now: number, start: () => void) {
    const turnStart = this.#begin(now)
    if (this.#waiting.length === 0 && !this.#connected && now - turnStart <= SLICE) return start()
    const context = new AsyncResource('TurnQueue') // AsyncResource.bind is slower: see bench
    this.#waiting.push({ since: now, start: () => context.runInAsyncScope(start) })
  }

  #begin(now: number) {
    if (!this.#scheduled) {
      this.#heldSince = now
      this.#schedule()
    }
    this.#turnStart ??= now
    return this.#turnStart
  }

  #schedule() {
    this.#scheduled = true
    this.#loop.setImmediate(() => this.#endTurn())
  }

  #endTurn() {
    const now = this.#loop.now()
    if (!this.#connected || now - this.#heldSince >= HOLD) {
      while (this.#waiting.length > 0 && this.#loop.now() < now + SLICE) this.#waiting.shift()?.start()
      this.#heldSince = this.#loop.now()
    }
    this.#turnStart = undefined
    this.#connected = false
    if (this.#waiting.length > 0) this.#schedule()
    else this.#scheduled = false
  }
}
