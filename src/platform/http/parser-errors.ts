import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { configOf } from '../config/variables.ts'
import { rawProblem, sendProblem } from '../problem/problem.ts'
import { closeAfter } from './connection.ts'
import { linger } from './connections.ts'
import type { Exchange } from './exchange.ts'

const statuses: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431
}

/** Answers bytes of which no request was made, with the headers, the log line and the count of any other reply. */
function refuse(app: FastifyInstance, socket: Socket, status: number, code: string) {
  const requestId = randomUUID()
  const { headers, body } = rawProblem(app, status, requestId)
  const date = new Date().toUTCString()
  const fields = { ...headers, date, ...(status === 405 && { allow: '' }), connection: 'close' }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
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

/**
 * Answers a request whose body will not arrive. Node tells the server alone that the parser has failed, so whoever reads
 * the body would wait until the connection closes; they hear of it here.
 */
export function refuseBody({ request, reply }: Exchange, status: number, error: Error): void {
  reply.header('connection', 'close')
  if (request.raw.listenerCount('error') > 0) request.raw.emit('error', Object.assign(error, { statusCode: status }))
  else sendProblem(reply, status)
}

/** Fastify's option `clientErrorHandler`: what Node's parser refuses, or what stops halfway, is answered and closed. */
export function clientErrorHandler(this: FastifyInstance, error: ConnectionError, socket: Socket) {
  const connection = this.inFlight.connectionOf(socket)
  if (error.code === 'ECONNRESET' || !socket.writable || !connection) return socket.destroySoon()
  const status = statuses[error.code] ?? 400
  const { newest } = connection
  if (!newest && connection.isReceivingRest) return socket.destroySoon() // that request has been answered
  if (!newest || newest.request.raw.complete) {
    return connection.afterLast(() => refuse(this, socket, status, error.code))
  }
  const limit = newest.timeout ?? configOf(this).REQUEST_TIMEOUT_MS
  if (status === 408 && (limit === 0 || limit > newest.reply.elapsedTime)) return // its route allows more
  if (newest.reply.raw.headersSent) return closeAfter(newest.reply)
  refuseBody(newest, status, error)
}

/** CONNECT is a wrong method for every target. */
export default fp(
  async (app) => {
    app.server.on('connect', (_request, socket: Socket) => {
      app.inFlight.connectionOf(socket)?.afterLast(() => refuse(app, socket, 405, 'CONNECT'))
    })
  },
  {
    name: 'parser-errors',
    dependencies: ['in-flight', 'security-headers'],
    decorators: { fastify: ['metrics'] }
  }
)
