import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'

type Exchange = FastifyRequest['exchange']

/** A connection and the exchanges that have not ended, in the order of their requests. Their handlers run one by one. */
export class Connection {
  readonly socket: Socket
  readonly #exchanges: Exchange[] = []
  readonly #waiting = new Map<Exchange, () => void>()
  /** The last request, if its reply ended before its body had arrived. */
  #unread: IncomingMessage | undefined
  #afterLast: (() => void) | undefined

  constructor(socket: Socket) {
    this.socket = socket
  }

  /** The exchange whose handler may run. */
  get current(): Exchange | undefined {
    return this.#exchanges[0]
  }

  get newest(): Exchange | undefined {
    return this.#exchanges.at(-1)
  }

  /** Whether the client still sends the body of a request that has been answered. */
  get isReceivingRest(): boolean {
    return this.#unread?.complete === false
  }

  /** While a request waits for its turn, nothing is read: one connection may queue no more than one chunk of requests. */
  enter(exchange: Exchange): void {
    this.#unread = undefined
    if (this.#exchanges.push(exchange) > 1) this.socket.pause()
  }

  /** Runs `run` in the caller's async context, once all exchanges before this one have ended. */
  whenFirst(exchange: Exchange, run: () => void) {
    if (this.#exchanges[0] === exchange) return run()
    const context = new AsyncResource('PipelinedRequest')
    this.#waiting.set(exchange, () => context.runInAsyncScope(run))
  }

  leave(exchange: Exchange) {
    this.#exchanges.splice(this.#exchanges.indexOf(exchange), 1)
    this.#waiting.delete(exchange)
    const { raw } = exchange.request
    this.#unread = raw.complete ? undefined : raw
    const [next, ...others] = this.#exchanges
    if (isLast(exchange.reply)) return this.#giveUp()
    if (!next) return this.#afterLast?.()
    if (others.length === 0 && !this.#afterLast) this.socket.resume()
    this.#waiting.get(next)?.()
  }

  /** Node closes the connection after the last reply; requests that were read behind it are not answered. */
  #giveUp() {
    for (const exchange of this.#exchanges) exchange.cut = 'closed'
  }

  /** Reads nothing more and runs `run` once all requests that were read have been answered. */
  afterLast(run: () => void): void {
    this.#afterLast = run
    if (this.#exchanges.length > 0) this.socket.pause()
    else run()
  }

  /** Closes once all requests that were read have been answered. */
  closeSoon(): void {
    if (this.newest) closeAfter(this.newest.reply)
    else this.socket.destroySoon()
  }

  /** Closes at once. The access lines of what is in flight say why. */
  cut(why: 'timeout' | 'shutdown'): void {
    for (const exchange of this.#exchanges) exchange.cut = why
    this.socket.destroy()
  }

  /** Ends what is in flight on a closed socket. Node 20 and 22 emit nothing for pipelined replies that never began. */
  onClose(): void {
    this.#waiting.clear()
    for (const exchange of [...this.#exchanges]) exchange.end()
  }
}

/** Whether Node closes the connection after `reply`. */
const isLast = (reply: FastifyReply) => !reply.raw.shouldKeepAlive || reply.getHeader('connection') === 'close'

/** Makes `reply` the last on its connection, its headers sent or not. */
export function closeAfter({ raw, request }: FastifyReply): void {
  if (!raw.shouldKeepAlive) return
  raw.shouldKeepAlive = false
  raw.once('close', () => request.socket.destroySoon())
}
