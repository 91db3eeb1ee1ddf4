import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { lingerAfter } from '../http/connections.ts'
import { hasBody } from '../http/request-checks.ts'
import { sendProblem } from '../problem/problem.ts'

function sendNotFound(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
  const url = request.url.replace(/\?.*/s, '')
  const allow = app.supportedMethods.filter((method) => method !== 'OPTIONS' && app.findRoute({ method, url }))
  const isWrongMethod = allow.length > 0 && !allow.includes(request.method)
  return !isWrongMethod ? sendProblem(reply, 404) : sendProblem(reply.header('allow', allow.join(', ')), 405)
}

/**
 * 404, and 405 with `Allow` where only the method is wrong. A body is not read: Fastify would parse it before its
 * handler for unmatched requests. Where a scope has such a handler of its own, that one gets the request and the body.
 * Must be registered before the routes, and after the hooks that such a reply needs as well.
 */
export default fp(
  async (app) => {
    app.setNotFoundHandler((request, reply) => sendNotFound(app, request, reply))
    app.addHook('onRequest', (request, reply, done) => {
      const { headers, is404, server } = request
      const body = hasBody(headers)
      if (!body && headers['content-type'] === undefined) return done() // Fastify has nothing to parse
      if (!is404 || server !== app) return done()
      if (body) {
        lingerAfter(request)
        reply.header('connection', 'close')
      }
      sendNotFound(app, request, reply)
    })
  },
  { name: 'not-found' }
)
