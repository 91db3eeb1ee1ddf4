import { type IncomingMessage, Server, type ServerOptions, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Connection } from './connection.ts'

/** How often Node and timeouts.ts look for what has taken too long, in ms. Each limit is exact to this. */
export const CHECK_INTERVAL = 250

/** Node's HTTP server, which knows what it owes on each connection. */
export class HttpServer extends Server {
  /** Open connections by socket. */
  readonly open = new Map<Socket, Connection>()

  constructor(options: ServerOptions, handler: (request: IncomingMessage, response: ServerResponse) => void) {
    super(options, handler)
    this.on('connection', (socket) => {
      const connection = new Connection(socket)
      this.open.set(socket, connection)
      // Node takes its own listener away from the sockets it hands over, as for CONNECT: a reset would end the process.
      socket.on('error', () => {})
      socket.on('close', () => {
        this.open.delete(socket)
        connection.onClose()
      })
    })
  }

  /**
   * Called when the server closes. Node takes a connection for idle once `end()` of its reply was called, and cuts
   * replies that are still being sent. Here a connection is closed when all requests that were read have been answered.
   * What has arrived by now is read first.
   */
  override closeIdleConnections(): void {
    setImmediate(() => {
      for (const connection of this.open.values()) connection.closeSoon()
    })
  }
}
