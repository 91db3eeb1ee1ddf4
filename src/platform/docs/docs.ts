import fp from 'fastify-plugin'
import { docsPage } from './docs-page.ts'
import { buildDocument } from './openapi-document.ts'
import type { ScopedRoute } from './schema-scopes.ts'

/**
 * `/openapi.json`, made of the schemas of the routes registered after this plugin, and `/docs`, a page to read and try
 * them. The packages behind them are loaded on the first request that needs them, because they are slow to load.
 */
export default fp(
  async (app) => {
    const routes: ScopedRoute[] = []
    let document: Promise<Buffer> | undefined

    app.addHook('onRoute', function (route) {
      if (route.method !== 'HEAD' && !route.schema?.hide) routes.push({ route, scope: this })
    })
    app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
      document ??= buildDocument(routes).catch((error) => {
        document = undefined // so that the next request tries again
        throw error
      })
      return reply.type('application/json; charset=utf-8').send(await document)
    })
    await app.register(docsPage)
  },
  { name: 'docs' }
)
