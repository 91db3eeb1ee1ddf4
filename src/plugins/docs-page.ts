import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'

/**
 * Without `unsafe-inline`: the hash is that of the one style element which Swagger UI writes. It works
 * on plain http, as it upgrades nothing to https.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='",
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
      uiConfig: { layout: 'BaseLayout' }, // without the bar to load other documents, which the policy refuses
      theme: { title }
    })
  },
  { name: 'docs-page', dependencies: ['@fastify/swagger'] }
)
