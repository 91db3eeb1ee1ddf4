import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import fp from 'fastify-plugin'
import helmet from 'helmet'

declare module 'fastify' {
  interface FastifyInstance {
    /** By name in lower case, for every reply. */
    securityHeaders: Readonly<Record<string, string>>
  }
}

function fromHelmet() {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  helmet({
    contentSecurityPolicy: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    xFrameOptions: { action: 'deny' }
  })(response.req, response, () => {})
  return Object.fromEntries(response.getHeaderNames().map((name) => [name, String(response.getHeader(name))]))
}
/**
 * Sets the security headers, `cache-control: no-store` and `x-request-id` on every reply. A route may set its own over
 * them. Computed once: helmet's hook, which sets them one by one on each reply, is slower.
 */
export default fp(
  async (app) => {
    const headers = {
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      ...fromHelmet(),
      'cache-control': 'no-store'
    }
    app.decorate('securityHeaders', headers)
    app.addHook('onRequest', (request, reply, done) => {
      reply.headers(headers).header('x-request-id', request.id)
      done()
    })
  },
  { name: 'security-headers' }
)
