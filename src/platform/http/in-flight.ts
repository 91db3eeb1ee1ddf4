import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Connection } from './connection.ts'
import { Exchange } from './exchange.ts'
import { HttpServer } from './http-server.ts'

declare module 'fastify' {
  interface FastifyInstance {
    inFlight: InFlight
  }
}

/** The exchanges that have not ended, in no order. An array: a Set keeps the tables that it has outgrown. */
export class InFlight {
  readonly #exchanges: Exchange[] = []
  readonly #connections: ReadonlyMap<Socket, Connection>

  constructor(connections: ReadonlyMap<Socket, Connection>) {
    this.#connections = connections
  }

  get size(): number {
    return this.#exchanges.length
  }

  connectionOf(socket: Socket): Connection | undefined {
    return this.#connections.get(socket)
  }

  add(exchange: Exchange): void {
    exchange.position = this.#exchanges.push(exchange) - 1
  }

  /** Moves the last exchange to the place of this one, so that the cost does not grow with the list. */
  remove(exchange: Exchange): void {
    const last = this.#exchanges.pop()
    if (!last || last === exchange) return
    last.position = exchange.position
    this.#exchanges[exchange.position] = last
  }

  /** Closes all connections at once, at the end of a drain. */
  cut(): void {
    for (const connection of this.#connections.values()) connection.cut('shutdown')
  }

  [Symbol.iterator](): Iterator<Exchange> {
    return [...this.#exchanges].values()
  }
}

/** The exchange of `request`, begun now if the framework or a hook has not begun it. */
export function track(request: FastifyRequest, reply: FastifyReply, onEnd: (exchange: Exchange) => void = () => {}) {
  if (request.exchange) return request.exchange
  const exchange = new Exchange(request, reply, onEnd)
  request.exchange = exchange
  request.server.inFlight.add(exchange)
  exchange.connection?.enter(exchange)
  reply.raw.once('finish', () => {
    const { socket } = request
    exchange.isFinished = !socket?.destroyed && !socket?.errored // Node emits 'finish' for a write that failed, too
  })
  reply.raw.once('close', () => exchange.end())
  return exchange
}

/**
 * `app.inFlight`, and `request.signal` in place of Fastify's, which aborts as soon as a body has been read
 * (https://github.com/fastify/fastify/issues/7033). Pipelined requests run one by one: without that, one connection
 * that takes no reply makes the service hold as many replies as it has sent requests.
 */
export default fp(
  async (app) => {
    const { server } = app
    app.decorate('inFlight', new InFlight(server instanceof HttpServer ? server.open : new Map()))
    app.decorateRequest('exchange')
    app.decorateRequest('signal', {
      getter() {
        return this.exchange.signal
      }
    })
    app.addHook('onRequest', (request, reply, done) => {
      const exchange = track(request, reply)
      if (exchange.connection) exchange.connection.whenFirst(exchange, done)
      else done()
    })
  },
  { name: 'in-flight' }
)
