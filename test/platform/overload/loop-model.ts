// A model of one Node process under load, on a clock of its own: the same result on every run and machine.
import { TurnQueue } from '#src/platform/overload/turn-queue'
import { VirtualQueue } from '#src/platform/overload/virtual-queue'

/** CPU time of a handler, `cpu` after a wait of `wait`; in ms. */
export type Route = { cpu: number; wait?: number }
/** `rate`: requests a second, whatever becomes of them. `clients`: each sends the next request after the reply. */
export type Load = { routes: readonly Route[]; seconds: number; block?: { ms: number; every: number } } & (
  | { rate: number }
  | { clients: number }
)
type Request = { at: number; route: Route }
type Timer = { at: number; run: () => void }

// CPU time of what the process does besides running handlers, in ms
const ACCEPT = 0.03
const PARSE = 0.03
const START = 0.03
const REFUSE = 0.03

/**
 * Each turn runs all timers that are due, reads one request from each connection that has one, accepts one new
 * connection, and runs the immediates. Clients open a connection when none is free.
 */
export class LoopModel {
  readonly #owed: VirtualQueue
  readonly #turns: TurnQueue
  readonly #timers: Timer[] = []
  #immediates: (() => void)[] = []
  #readable: Request[] = []
  #connecting: Request[] = []
  #free = 0 // connections
  #now = 0
  #idle = 0
  #times: number[] = []
  #shed = 0
  #onReply = () => {}

  constructor(limit: number) {
    this.#owed = new VirtualQueue(limit)
    this.#turns = new TurnQueue({ now: () => this.#now, setImmediate: (callback) => this.#immediates.push(callback) })
    this.#repeat(20, () => this.#measure())
  }

  /** Runs `load`. `p99` in ms, of admitted requests; `good`: replies with 200 within a second, per second. */
  run(load: Load) {
    const start = this.#now
    const end = start + load.seconds * 1000
    let sent = 0
    const send = (at: number) => this.#send({ at, route: load.routes[sent++ % load.routes.length] ?? { cpu: 0 } })
    let next = Number.POSITIVE_INFINITY
    let replies = 0
    this.#times = []
    this.#shed = 0
    this.#onReply = () => replies++
    if ('clients' in load) while (sent < load.clients) send(start)
    else next = start
    let blocked = start
    while (this.#now < end) {
      if (load.block && this.#now >= blocked + load.block.every) {
        this.#now += load.block.ms
        blocked = this.#now
      }
      for (; 'rate' in load && next <= this.#now; next += 1000 / load.rate) send(next)
      if ('clients' in load) for (; replies > 0; replies--) send(this.#now)
      this.#turn(Math.min(next, blocked + (load.block?.every ?? Number.POSITIVE_INFINITY)))
    }
    this.#onReply = () => {}
    const times = this.#times.sort((a, b) => a - b)
    const p99 = times[Math.floor(times.length * 0.99)] ?? Number.NaN
    return { sent, shed: this.#shed, p99, good: times.filter((time) => time <= 1000).length / load.seconds }
  }

  #send(request: Request) {
    if (this.#free > 0) {
      this.#free--
      this.#readable.push(request)
    } else this.#connecting.push(request)
  }

  #turn(next: number) {
    while ((this.#timers[0]?.at ?? Number.POSITIVE_INFINITY) <= this.#now) this.#timers.shift()?.run()
    if (this.#readable.length + this.#connecting.length + this.#immediates.length === 0) {
      const wake = Math.max(this.#now, Math.min(next, this.#timers[0]?.at ?? next))
      this.#idle += wake - this.#now
      this.#now = wake
    }
    const readable = this.#readable
    this.#readable = []
    const connection = this.#connecting.shift()
    if (connection) {
      this.#now += ACCEPT
      this.#turns.connected()
      this.#readable.push(connection)
    }
    for (const request of readable) this.#receive(request)
    const immediates = this.#immediates
    this.#immediates = []
    for (const callback of immediates) callback()
  }

  #receive({ at, route }: Request) {
    this.#now += PARSE
    const end = this.#owed.admit(this.#now, this.#turns.waited(this.#now))
    if (!end) {
      this.#now += REFUSE
      this.#shed++
      return this.#reply()
    }
    this.#turns.push(this.#now, () => {
      this.#now += START
      this.#after(route.wait ?? 0, () => {
        this.#now += route.cpu
        this.#times.push(this.#now - at)
        end()
        this.#reply()
      })
    })
  }

  #reply() {
    this.#free++
    this.#onReply()
  }

  #after(ms: number, run: () => void) {
    if (ms === 0) return run()
    const at = this.#now + ms
    let index = this.#timers.length
    while (index > 0 && (this.#timers[index - 1]?.at ?? 0) > at) index--
    this.#timers.splice(index, 0, { at, run })
  }

  #repeat(ms: number, run: () => void) {
    this.#after(ms, () => {
      run()
      this.#repeat(ms, run)
    })
  }

  #measured = { now: 0, idle: 0 }
  #measure() {
    const { now, idle } = this.#measured
    this.#owed.measure(this.#now - now - (this.#idle - idle))
    this.#measured = { now: this.#now, idle: this.#idle }
  }
}
