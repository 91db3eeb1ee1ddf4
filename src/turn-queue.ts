import { AsyncResource } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'

/** How long requests may keep the event loop before it turns, and turns may keep a queue from going on, in ms. */
const SLICE = 5

/**
 * Requests in slices of 5 ms of the event loop: what a turn cannot take waits, first come first served, for a turn that
 * brings nothing new, or for 5 ms. Node accepts one connection a turn: with a slice in each, clients waited for 3 s.
 */
export class TurnQueue {
  readonly #waiting: { since: number; run: () => void }[] = []
  #sliceEnd = 0
  #turnStart: number | undefined

  get length(): number {
    return this.#waiting.length
  }

  /** To be called for what a turn brings, before it; without it, as for injected requests, the queue stays open. */
  begin(): void {
    if (this.#turnStart !== undefined) return
    this.#turnStart = performance.now()
    if (this.#waiting.length === 0) setImmediate(() => this.#nextTurn())
  }

  /** Whether a request need not wait. */
  isOpen(now: number): boolean {
    return this.#turnStart === undefined || (this.#waiting.length === 0 && now - this.#turnStart <= SLICE)
  }

  /** How long the first in the queue has waited, in ms. */
  waited(now: number): number {
    return now - (this.#waiting[0]?.since ?? now)
  }

  /** `run` keeps its async context; AsyncResource.bind, which on Node 20 deprecates a property of each, took 3%. */
  push(run: () => void): void {
    const context = new AsyncResource('TurnQueue')
    this.#waiting.push({ since: performance.now(), run: () => context.runInAsyncScope(run) })
  }

  #nextTurn() {
    const now = performance.now()
    if (this.#turnStart === undefined || now - this.#sliceEnd >= SLICE) this.#runSlice(now + SLICE)
    this.#turnStart = undefined
    if (this.#waiting.length > 0) setImmediate(() => this.#nextTurn())
  }

  #runSlice(end: number) {
    while (this.#waiting.length > 0 && performance.now() < end) this.#waiting.shift()?.run()
    this.#sliceEnd = performance.now()
  }
}
