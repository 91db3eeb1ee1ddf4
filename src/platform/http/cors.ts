import type { FastifyCorsOptionsDelegateCallback } from '@fastify/cors'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { configOf } from '../config/variables.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The CORS headers of a reply to a request from `origin`, for replies that no hook sees. Set where CORS is on. */
    corsHeaders?: (origin: string | undefined) => Readonly<Record<string, string>>
  }
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const exposedHeaders = ['x-request-id', 'retry-after']

const isPreflight = ({ method, headers }: FastifyRequest) =>
  method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined

/**
 * Lets the pages of CORS_ORIGIN call from a browser. Where it is empty, nothing is registered and no reply has a CORS
 * header. To be registered before plugins that refuse requests, so that pages can read their replies; `preflights` after
 * them. A reply to bytes that are no request cannot have CORS headers: its `Origin` is not known.
 */
export const cors = fp(
  async (app) => {
    const { CORS_ORIGIN, CORS_CREDENTIALS: credentials, CORS_MAX_AGE_S: maxAge } = configOf(app)
    const origins = new Set<string | undefined>(CORS_ORIGIN)
    if (origins.size === 0) return

    const options = { credentials, maxAge, methods, exposedHeaders, preflightContinue: true }
    const delegator: FastifyCorsOptionsDelegateCallback = (request, done) => {
      const { origin = '' } = request.headers
      done(null, { ...options, origin: origins.has(origin) && origin, preflight: isPreflight(request) })
    }
    await app.register(import('@fastify/cors'), { delegator })

    app.decorate('corsHeaders', (origin) => ({
      vary: 'Origin',
      ...(origins.has(origin) && {
        'access-control-allow-origin': `${origin}`,
        ...(credentials && { 'access-control-allow-credentials': 'true' }),
        'access-control-expose-headers': exposedHeaders.join(', ')
      })
    }))

    app.addHook('onSend', (_request, reply, payload, done) => {
      const fields = [reply.getHeader('vary') ?? []].flat().join(', ') // a route may have set its own
      if (!/(^|[ ,])(origin|\*)($|[ ,])/i.test(fields))
        reply.header('vary', fields === '' ? 'Origin' : `${fields}, Origin`)
      done(null, payload)
    })
  },
  { name: 'cors', decorators: { fastify: ['config'] } }
)

/** Answers preflights, before hooks that ask for credentials: browsers send none with them. Any other OPTIONS is 404 or 405. */
export const preflights = fp(
  async (app) => {
    if (!app.hasDecorator('corsHeaders')) return
    app.addHook('onRequest', (request, reply, done) => {
      if (reply.hasHeader('access-control-allow-methods')) return reply.code(204).send()
      if (request.method === 'OPTIONS' && request.routeOptions.url === '*') return reply.callNotFound()
      done()
    })
  },
  { name: 'preflights', dependencies: ['cors'] }
)
