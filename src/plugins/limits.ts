import fp from 'fastify-plugin'
import { sendProblem } from '../problem.ts'

/** Node keeps this many header fields and silently drops the rest. */
const MAX_HEADERS = 2000

/** How many Host fields came in; Node itself keeps the first and drops the rest. */
function countHosts(rawHeaders: string[]) {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

/**
 * Refuses what Node's parser lets through: HTTP versions but 1.0 and 1.1, a Host too many or too few, `*` before or in
 * place of the path, excess headers.
 */
export default fp(
  async (app) => {
    app.server.maxConnections = app.config.MAX_CONNECTIONS
    app.server.on('checkExpectation', app.routing) // RFC 9110, 10.1.1: an unknown expectation may be ignored
    app.addHook('onRequest', (request, reply, done) => {
      const { httpVersion, method, rawHeaders, url } = request.raw
      const hosts = countHosts(rawHeaders)
      const asterisk = url?.startsWith('*') && method !== 'OPTIONS' // the router takes any first character for a slash
      const malformed = asterisk || hosts > 1 || (httpVersion === '1.1' ? hosts === 0 : httpVersion !== '1.0')
      if (malformed) sendProblem(reply.header('connection', 'close'), 400)
      else if (rawHeaders.length >= 2 * MAX_HEADERS) sendProblem(reply.header('connection', 'close'), 431)
      else done()
    })
  },
  { name: 'limits', decorators: { fastify: ['config'] } }
)
