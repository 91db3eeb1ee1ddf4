import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientAddress } from './client-address.ts'
import type { Connection } from './connection.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * How long this route may take, in ms: to receive its body, to answer, and between two parts of its reply.
     * 0: no limit; a client that takes nothing of a reply is cut all the same. Default: REQUEST_TIMEOUT_MS.
     */
    timeout?: number
    /** The route serves those who run the service: never shed; replies of 200 and 503 are neither logged nor counted. */
    operational?: boolean
  }
  interface FastifyRequest {
    exchange: Exchange
  }
}

/** One request and its reply, from the moment the head of the request has been read until the reply has ended. */
export class Exchange {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** `undefined` for injected requests. */
  readonly connection: Connection | undefined
  readonly remoteAddress: string | undefined
  /** URL pattern of the route. */
  readonly route: string
  readonly operational: boolean
  /** The route's own limit in ms, if it has one. */
  readonly timeout: number | undefined
  /** Whether the client asks for another protocol, and a plugin of the app speaks one. */
  readonly asksForUpgrade: boolean
  /** Index in the list of exchanges in flight. */
  position = 0
  /** What was thrown, if the reply does not say it. */
  failure: { readonly error: unknown } | undefined
  /** Why the request was refused, as its client is told. */
  reason: { readonly detail: string; readonly code: string | undefined } | undefined
  /** Whether the operating system has the whole reply. */
  isFinished = false
  isEnded = false
  isTimedOut = false
  /** Why the service cut the reply; `closed`: an earlier reply was the last on the connection. */
  cut: 'timeout' | 'shutdown' | 'closed' | undefined
  /** Tells the load shedding that the request is answered. */
  settle: (() => void) | undefined
  readonly #onEnd: (exchange: Exchange) => void
  #controller: AbortController | undefined

  constructor(request: FastifyRequest, reply: FastifyReply, onEnd: (exchange: Exchange) => void) {
    const { url = 'unmatched', config } = request.routeOptions
    this.request = request
    this.reply = reply
    this.connection = request.server.inFlight.connectionOf(request.socket)
    this.remoteAddress = clientAddress(request) // read now, because a closed socket has no address
    this.route = url
    this.operational = config?.operational ?? false
    this.timeout = config?.timeout
    this.asksForUpgrade = request.headers.upgrade !== undefined && request.server.server.listenerCount('upgrade') > 0
    this.#onEnd = onEnd
  }

  /** Aborts when the client goes before it has the whole reply, and when the time is up. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  /** Whether the connection now speaks another protocol, as for a WebSocket. */
  get isUpgraded(): boolean {
    return this.asksForUpgrade && this.reply.sent && !this.reply.raw.headersSent
  }

  /** Whether neither the head of a reply was sent nor a reply is on its way. */
  get isUnanswered(): boolean {
    return !this.reply.sent && !this.reply.raw.headersSent
  }

  abort(reason?: Error): void {
    this.#controller?.abort(reason)
  }

  end(): void {
    if (this.isEnded) return
    this.isEnded = true
    this.request.server.inFlight.remove(this)
    this.#onEnd(this)
    if (!this.isFinished) this.abort()
    this.connection?.leave(this)
  }
}
