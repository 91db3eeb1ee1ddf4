import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { configOf } from '../config/variables.ts'
import { sendProblem } from '../problem/problem.ts'
import { lingerAfter } from './connections.ts'
import { isHost } from './host.ts'
import { isTooLong, routableUrl } from './routable-url.ts'

/** Node keeps this many header fields and drops the rest without a word. */
const MAX_HEADERS = 1000

/** "close" among the connection options. Node 20 does not find it before a tab. */
const close = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i

/** The scheme and the host of a target in absolute form. */
const absolute = /^[a-z][a-z\d+.-]*:\/\/([^/?]+)/i

/** Whether a target that begins with no slash has a form of RFC 9112, section 3.2. */
function isTarget(url: string, method: string): boolean {
  if (url === '*') return method === 'OPTIONS'
  const [, host] = absolute.exec(url) ?? []
  return host !== undefined && isHost(host)
}

/** What RFC 9112 has a server refuse (3.2, 6.1, 6.3) and Node's parser lets through. */
function isMalformed({ raw, url }: FastifyRequest) {
  const { httpVersion, headers, method = '' } = raw
  const coding = headers['transfer-encoding']
  return (
    (httpVersion !== '1.1' && httpVersion !== '1.0') ||
    (headers.host === undefined ? httpVersion === '1.1' : !isHost(headers.host)) ||
    (coding !== undefined && (httpVersion === '1.0' || coding.toLowerCase() !== 'chunked')) ||
    (!url.startsWith('/') && !isTarget(url, method)) ||
    url.includes('#')
  )
}

/** Whether a body follows the head. */
export const hasBody = (headers: IncomingHttpHeaders) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0

/** Fastify never reads a body of GET or HEAD. */
const isBodiless = ({ method }: FastifyRequest) => method === 'GET' || method === 'HEAD'

/** Refuses what Node's parser lets through: framing that others may read differently, excess connections and headers. */
export default fp(
  async (app) => {
    const { BODY_LIMIT_BYTES, MAX_CONNECTIONS } = configOf(app)
    const bodiless = BODY_LIMIT_BYTES === 0 // Fastify's own limit begins at 1
    app.server.maxConnections = MAX_CONNECTIONS
    app.server.maxHeadersCount = MAX_HEADERS
    app.server.on('checkExpectation', (request, response) => {
      request.url = routableUrl(request)
      app.routing(request, response) // RFC 9110, 10.1.1: an unknown expectation may be ignored
    })
    app.addHook('onRequest', (request, reply, done) => {
      const { headers, raw } = request
      if (!raw.socket) return done() // injectWS makes up a request that has no more than these two
      // Node drops what came in one segment with a request to upgrade
      const isLast = headers.upgrade !== undefined || close.test(headers.connection ?? '')
      if (isLast) reply.header('connection', 'close')
      let status: number | undefined
      if (isMalformed(request)) status = isTooLong(request.originalUrl) ? 414 : 400
      else if (raw.rawHeaders.length >= 2 * MAX_HEADERS) status = 431
      else if (bodiless && hasBody(headers) && !isBodiless(request)) status = 413
      if (status === undefined) return done()
      lingerAfter(request)
      sendProblem(reply.header('connection', 'close'), status)
    })
  },
  { name: 'request-checks', decorators: { fastify: ['config'] } }
)
