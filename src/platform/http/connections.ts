import { Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { CHECK_INTERVAL } from './http-server.ts'

/** How long to discard input after ending a connection, in ms. */
const LINGER = 1000

/** Ends `socket` but reads on: closing with bytes unread resets the connection, and the client loses the last reply. */
export function linger(socket: Socket): void {
  socket.removeAllListeners('data').on('data', () => {}) // away from the parser, so that nothing becomes a request
  socket.resume()
  socket.end()
  const timer = setTimeout(() => socket.destroy(), LINGER)
  socket.once('close', () => clearTimeout(timer))
}

/**
 * Lingers if Node closes the connection after the reply to `request` while its body has not arrived. Node calls
 * `destroySoon` there, and offers nothing to change that (https://github.com/nodejs/node/issues/12339).
 */
export function lingerAfter({ raw, socket }: FastifyRequest): void {
  socket.destroySoon = () => {
    socket.destroySoon = Socket.prototype.destroySoon
    if (raw.complete) socket.destroySoon()
    else linger(socket)
  }
}

/**
 * Ends connections. While the app drains, each reply is the last on its connection, so that clients move on before the
 * listener closes. A connection on which nothing moves is cut, unless the handler is at work and its route allows that.
 */
export default fp(
  async (app) => {
    app.addHook('onRequest', (request, reply, done) => {
      if (app.phase === 'draining') reply.raw.shouldKeepAlive = false
      const { connection, timeout, asksForUpgrade } = request.exchange
      if (timeout) connection?.socket.setTimeout(timeout + 4 * CHECK_INTERVAL)
      if (asksForUpgrade) {
        connection?.socket.setTimeout(0)
        reply.raw.once('finish', () => request.socket?.destroySoon()) // a refused handshake: Node leaves the socket open
      }
      done()
    })
    app.server.on('timeout', (socket) => {
      const connection = app.inFlight.connectionOf(socket)
      const current = connection?.current
      if (current && !current.reply.raw.headersSent) return // the limits of the handler and of the request hold
      if (current?.timeout === 0 && socket.writableLength === 0) return
      connection?.cut('timeout')
      socket.destroy()
    })
  },
  { name: 'connections', dependencies: ['in-flight'] }
)
