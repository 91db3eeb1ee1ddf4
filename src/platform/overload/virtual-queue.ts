/** With fewer requests in flight, none is refused: few requests cannot wait long, and the measured cost may be wrong. */
const ALWAYS = 10
/** Weight of the earlier measurements when a new one is added. */
const MEMORY = 0.9
/** Measurements after which a generation of requests ends. */
const GENERATION = 500

/**
 * Estimates how much CPU time the event loop owes to the requests it has admitted, in ms. Each admitted request adds the
 * mean cost of a request. Time that passes takes away. The sum is never less than the first request in the turn queue
 * has waited, and never more than the requests in flight cost together.
 *
 * All times are arguments: the class reads no clock.
 */
export class VirtualQueue {
  readonly #limit: number
  #owed = 0 // ms
  #updatedAt = 0
  #cost = 0 // ms per request
  #busySum = 0 // ms
  #endedSum = 0
  #busy = 0 // ms since requests were last seen to end
  #ended = 0 // requests since then
  #measurements = 0
  // Requests in flight by age. Older ones are not counted: they wait, or their end was never reported.
  #young = { inFlight: 0 }
  #old = { inFlight: 0 }

  /** `limit`: the CPU time that may be owed when a request is admitted, in ms. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /**
   * Admits a request, or returns `undefined` to refuse it. Call the returned function when the request has ended.
   *
   * @param now the time, in ms
   * @param waited how long the first request in the turn queue has waited, in ms
   */
  admit(now: number, waited: number): (() => void) | undefined {
    const inFlight = this.#young.inFlight + this.#old.inFlight
    this.#owed = Math.min(Math.max(this.#owed - (now - this.#updatedAt), waited), inFlight * this.#cost)
    this.#updatedAt = now
    if (this.#owed > this.#limit && inFlight >= ALWAYS) return
    this.#owed += this.#cost
    const generation = this.#young
    generation.inFlight++
    return () => {
      generation.inFlight--
      this.#ended++
    }
  }

  /**
   * Measures the cost of a request: busy time by ended requests, as a moving average. A measurement counts with at most
   * four times the earlier cost and 1 ms per request, because a single block of the loop says nothing about requests.
   * Refusals make admitted requests dearer, so that less is admitted where refusing takes much time.
   *
   * @param busy how long the loop has been busy since the last call, in ms; call it every 20 ms
   */
  measure(busy: number): void {
    if (++this.#measurements % GENERATION === 0) {
      this.#old = this.#young
      this.#young = { inFlight: 0 }
    }
    this.#busy += busy
    if (this.#ended === 0) return
    this.#busySum = this.#busySum * MEMORY + Math.min(this.#busy, this.#ended * (4 * this.#cost + 1))
    this.#endedSum = this.#endedSum * MEMORY + this.#ended
    this.#cost = this.#busySum / this.#endedSum
    this.#busy = 0
    this.#ended = 0
  }
}
