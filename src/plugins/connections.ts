import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** The reply to the newest request on `socket`, in flight or `closed`; undefined before the first. */
    newestReply(socket: Socket): FastifyReply | undefined
    /** Makes `reply` the last on its connection, its headers sent or not. */
    closeAfter(reply: FastifyReply): void
  }
}

/**
 * Knows every connection and what it waits for. When the app closes, replies in flight are the last on their
 * connection, and connections that wait for none (idle, never used, half a request) are closed at once: Node alone
 * would wait for them, up to its keep-alive timeout (fastify#7044).
 */
export default fp(
  async (app) => {
    const sockets = new Set<Socket>()
    const replies = new WeakMap<Socket, FastifyReply>()

    app.decorate('newestReply', (socket: Socket) => replies.get(socket))
    app.decorate('closeAfter', ({ raw, request }: FastifyReply) => {
      if (!raw.shouldKeepAlive) return
      raw.shouldKeepAlive = false
      raw.once('close', () => request.socket.destroySoon())
    })
    app.addHook('onRequest', (request, reply, done) => {
      replies.set(request.socket, reply)
      done()
    })
    app.server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    app.addHook('preClose', (done) => {
      setImmediate(() => {
        for (const socket of sockets) {
          const reply = replies.get(socket)
          if (!reply || reply.raw.closed) socket.destroySoon()
          else app.closeAfter(reply)
        }
      })
      done()
    })
  },
  { name: 'connections' }
)
