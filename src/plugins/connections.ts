import { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { newestReply } from './in-flight.ts'

/** How long what still comes in is read and discarded once a connection has been ended, in ms. */
const LINGER = 1000

/** Makes `reply` the last on its connection, its headers sent or not. */
export function closeAfter({ raw, request }: FastifyReply): void {
  if (!raw.shouldKeepAlive) return
  raw.shouldKeepAlive = false
  raw.once('close', () => request.socket.destroySoon())
}

/** Ends `socket` but reads on: closing with bytes unread resets the connection, and the client loses the last reply. */
export function linger(socket: Socket): void {
  if (socket.writableEnded) return
  socket.removeAllListeners('data').on('data', () => {}) // away from the parser: nothing of it becomes a request
  socket.end()
  const timer = setTimeout(() => socket.destroy(), LINGER)
  socket.once('close', () => clearTimeout(timer))
}

/** If Node closes the connection after the reply to `request` and its body is not all there, lingers. */
export function lingerAfter({ raw, socket }: FastifyRequest): void {
  socket.destroySoon = () => (raw.complete ? Socket.prototype.destroySoon.call(socket) : linger(socket))
}

/**
 * Knows every connection and what it waits for. While the app drains, each reply is the last on its connection, so that
 * clients move on before connections are closed under them: without that, six restarts behind a balancer of layer 4, which
 * cannot move them, cost 20 clients 12 resets. When the app closes, so are the replies in flight, and connections that
 * wait for none (idle, never used, half a request) are closed at once: Node alone would wait for them, up to its
 * keep-alive timeout (fastify#7044).
 */
export default fp(
  async (app) => {
    const sockets = new Set<Socket>()
    app.addHook('onRequest', (_request, reply, done) => {
      if (app.phase === 'draining') reply.raw.shouldKeepAlive = false
      done()
    })
    app.server.on('connection', (socket: Socket) => {
      sockets.add(socket.once('close', () => sockets.delete(socket)))
    })
    app.addHook('preClose', (done) => {
      setImmediate(() => {
        for (const socket of sockets) {
          const reply = newestReply.get(socket)
          if (!reply || reply.raw.closed) socket.destroySoon()
          else closeAfter(reply)
        }
      })
      done()
    })
  },
  { name: 'connections', dependencies: ['in-flight'] }
)
