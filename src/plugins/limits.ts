import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { sendProblem } from '../problem.ts'
import { lingerAfter } from './connections.ts'

/** Node silently drops header fields past this many; 1000 where it is not set. */
const MAX_HEADERS = 2000

/** uri-host [ ":" port ] of RFC 9110, 7.2; empty where the target has no authority. */
const host = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-f:.]+\])(?::\d*)?$/i

/** How many Host fields came in; Node itself keeps the first and drops the rest. */
function countHosts(rawHeaders: string[]) {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

/** What RFC 9112 has a server refuse (3.2, 6.1, 6.3) and Node's parser lets through. */
function isMalformed({ httpVersion, headers, rawHeaders, method, url = '' }: IncomingMessage) {
  const coding = headers['transfer-encoding']
  return (
    (httpVersion !== '1.1' && httpVersion !== '1.0') ||
    countHosts(rawHeaders) > 1 ||
    (headers.host === undefined ? httpVersion === '1.1' : !host.test(headers.host)) ||
    (coding !== undefined && (httpVersion === '1.0' || coding.toLowerCase() !== 'chunked')) ||
    (url === '*' && method !== 'OPTIONS') ||
    url.includes('#')
  )
}

/** Refuses what Node's parser lets through: framing that others may read differently, excess connections and headers. */
export default fp(
  async (app) => {
    app.server.maxConnections = app.config.MAX_CONNECTIONS
    app.server.maxHeadersCount = MAX_HEADERS
    app.server.on('checkExpectation', app.routing) // RFC 9110, 10.1.1: an unknown expectation may be ignored
    app.addHook('onRequest', (request, reply, done) => {
      if (request.headers.upgrade) reply.header('connection', 'close') // Node drops what came in one segment with it
      const status = isMalformed(request.raw) ? 400 : request.raw.rawHeaders.length >= 2 * MAX_HEADERS ? 431 : undefined
      if (status === undefined) return done()
      lingerAfter(request)
      sendProblem(reply.header('connection', 'close'), status)
    })
  },
  { name: 'limits', decorators: { fastify: ['config'] } }
)
