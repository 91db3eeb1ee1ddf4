import cors from '@fastify/cors'
import fp from 'fastify-plugin'

/** Lets the pages of CORS_ORIGIN call from a browser; where it is empty, no reply carries a CORS header. */
export default fp(
  async (app) => {
    const origin = [...app.config.CORS_ORIGIN]
    if (origin.length === 0) return
    app.addHook('onRequest', ({ method, headers }, reply, done) => {
      const isPreflight = headers.origin !== undefined && headers['access-control-request-method'] !== undefined
      if (method === 'OPTIONS' && !isPreflight) reply.callNotFound()
      else done()
    })
    await app.register(cors, {
      origin,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      exposedHeaders: ['x-request-id', 'retry-after']
    })
  },
  { name: 'cors' }
)
