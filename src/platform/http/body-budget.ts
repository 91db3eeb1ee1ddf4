/** A body of which the process holds bytes. */
export type HeldBody = {
  held: number
  /** Answers its request because its bytes are needed. */
  refuse(): void
}

/** The bytes of all bodies that the process holds, at most `limit` of them. */
export class BodyBudget {
  readonly #limit: number
  #held = 0
  /** Bodies that are not there in full. The one that has waited longest for a byte is the first. */
  readonly #arriving = new Set<HeldBody>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /**
   * Counts bytes that `body` has received. Beyond the limit, refuses bodies that are not there in full, so that slow
   * senders cannot keep others out. The last of them is `body` itself. It is not refused where no other is held.
   */
  add(body: HeldBody, bytes: number): void {
    body.held += bytes
    this.#held += bytes
    this.complete(body)
    this.#arriving.add(body)
    for (const stalest of this.#arriving) {
      if (this.#held <= this.#limit || this.#held === body.held) return
      this.release(stalest)
      stalest.refuse()
    }
  }

  /** `body` is there in full: it can no longer be refused. */
  complete(body: HeldBody): void {
    this.#arriving.delete(body)
  }

  /** `body` is no longer held. */
  release(body: HeldBody): void {
    this.#held -= body.held
    body.held = 0
    this.complete(body)
  }
}
