import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError } from 'fastify'
import fp from 'fastify-plugin'
import { problem, problemType, sendProblem } from '../problem.ts'
import { closeAfter, linger } from './connections.ts'
import { newestReply } from './in-flight.ts'

const statuses: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431
}

/**
 * Answers what the parser refuses, or what stops halfway, and closes the connection. What no request was made of gets
 * the reply written out by hand, with the headers, the log line and the count that every reply has.
 */
export default fp(
  async (app) => {
    function refuse(socket: Socket, status: number, code: string) {
      const requestId = randomUUID()
      const body = JSON.stringify(problem(status, requestId))
      const headers = {
        ...app.securityHeaders,
        'content-type': problemType,
        'content-length': Buffer.byteLength(body),
        'x-request-id': requestId,
        date: new Date().toUTCString(),
        ...(status === 405 && { allow: '' }),
        connection: 'close'
      }
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
      linger(socket)
      app.metrics.requestDuration.count('_OTHER', 'unmatched', status, 0)
      const unknown = { method: null, path: null, route: 'unmatched' }
      const { remoteAddress } = socket
      app.log.info(
        { reqId: requestId, ...unknown, statusCode: status, responseTime: 0, remoteAddress, code },
        'request refused'
      )
    }

    app.server.removeAllListeners('clientError')
    app.server.on('clientError', (error: ConnectionError, socket: Socket) => {
      const status = statuses[error.code] ?? 400
      const reply = newestReply.get(socket)
      if (error.code === 'ECONNRESET' || !socket.writable) socket.destroySoon()
      else if (!reply || (reply.raw.closed && reply.request.raw.complete)) refuse(socket, status, error.code)
      else if (reply.raw.closed)
        socket.destroySoon() // the error is in the rest of a request that has been answered
      else if (reply.request.raw.complete || reply.raw.headersSent) closeAfter(reply)
      else if (reply.request.raw.listenerCount('error') > 0)
        reply.request.raw.emit('error', Object.assign(error, { statusCode: status }))
      else sendProblem(reply.header('connection', 'close'), status)
    })
    app.server.on('connect', (_request, socket: Socket) => refuse(socket, 405, 'CONNECT'))
  },
  {
    name: 'parser-errors',
    dependencies: ['in-flight', 'security-headers'],
    decorators: { fastify: ['metrics'] }
  }
)
