import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { sendProblem } from '../problem.ts'
import { lingerAfter } from './connections.ts'

/** Node keeps this many header fields and drops the rest without a word. */
const MAX_HEADERS = 1000

/** uri-host [ ":" port ] of RFC 9110, 7.2; empty where the target has no authority. Of two fields Node makes "a, b". */
const host = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-f:.]+\])(?::\d*)?$/i

/** What RFC 9112 has a server refuse (3.2, 6.1, 6.3) and Node's parser lets through. */
function isMalformed({ raw, url }: FastifyRequest) {
  const { httpVersion, headers, method } = raw
  const coding = headers['transfer-encoding']
  return (
    (httpVersion !== '1.1' && httpVersion !== '1.0') ||
    (headers.host === undefined ? httpVersion === '1.1' : !host.test(headers.host)) ||
    (coding !== undefined && (httpVersion === '1.0' || coding.toLowerCase() !== 'chunked')) ||
    (url.startsWith('*') && method !== 'OPTIONS') || // the router takes any first character for a slash
    url.includes('#')
  )
}

/** Whether a body follows that Fastify would read: it never reads one of GET or HEAD. */
const hasBody = ({ method, headers }: FastifyRequest) =>
  !['GET', 'HEAD'].includes(method) &&
  (headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0)

/** Refuses what Node's parser lets through: framing that others may read differently, excess connections and headers. */
export default fp(
  async (app) => {
    const bodiless = app.config.BODY_LIMIT_BYTES === 0 // Fastify's own limit begins at 1
    app.server.maxConnections = app.config.MAX_CONNECTIONS
    app.server.maxHeadersCount = MAX_HEADERS
    app.server.on('checkExpectation', app.routing) // RFC 9110, 10.1.1: an unknown expectation may be ignored
    app.addHook('onRequest', (request, reply, done) => {
      const { headers, raw } = request
      if (headers.upgrade) reply.header('connection', 'close') // Node drops what came in one segment with it
      let status: number | undefined
      if (isMalformed(request)) status = 400
      else if (raw.rawHeaders.length >= 2 * MAX_HEADERS) status = 431
      else if (bodiless && hasBody(request)) status = 413
      if (status === undefined) return done()
      lingerAfter(request)
      sendProblem(reply.header('connection', 'close'), status)
    })
  },
  { name: 'limits', decorators: { fastify: ['config'] } }
)
