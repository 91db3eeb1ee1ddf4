import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'

/** No `unsafe-inline` for scripts or styles. It works on plain http, as it upgrades nothing to https. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join('; ')

/** `/docs`, Swagger UI for the document of `app`, served whole from here and under a policy of its own. */
export default fp(
  async (app, { title }: { title: string }) => {
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: policy,
      uiConfig: { layout: 'BaseLayout' }, // without the bar on top, which writes an inline style
      theme: { title }
    })
  },
  { name: 'docs-page', dependencies: ['@fastify/swagger'] }
)
