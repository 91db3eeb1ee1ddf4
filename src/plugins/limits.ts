import type { IncomingHttpHeaders } from 'node:http'
import fp from 'fastify-plugin'
import { sendProblem } from '../problem.ts'

/** Node keeps this many header fields and drops the rest without a word. */
const MAX_HEADERS = 1000

/** How many Host fields came in; Node itself keeps the first and drops the rest. */
function countHosts(rawHeaders: string[]) {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

const hasBody = (headers: IncomingHttpHeaders) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0

/** Refuses what Node's parser lets through: HTTP versions but 1.0 and 1.1, a Host too many or too few, excess headers. */
export default fp(
  async (app) => {
    const bodiless = app.config.BODY_LIMIT_BYTES === 0 // Fastify's own limit begins at 1
    app.server.maxHeadersCount = MAX_HEADERS
    app.server.maxConnections = app.config.MAX_CONNECTIONS
    app.server.on('checkExpectation', app.routing) // RFC 9110, 10.1.1: an unknown expectation may be ignored
    app.addHook('onRequest', (request, reply, done) => {
      const { headers, httpVersion, rawHeaders } = request.raw
      const hosts = countHosts(rawHeaders)
      const malformed = hosts > 1 || (httpVersion === '1.1' ? hosts === 0 : httpVersion !== '1.0')
      if (malformed) sendProblem(reply.header('connection', 'close'), 400)
      else if (rawHeaders.length >= 2 * MAX_HEADERS) sendProblem(reply.header('connection', 'close'), 431)
      else if (bodiless && hasBody(headers)) sendProblem(reply.header('connection', 'close'), 413)
      else done()
    })
  },
  { name: 'limits', decorators: { fastify: ['config'] } }
)
