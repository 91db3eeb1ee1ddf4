import fp from 'fastify-plugin'
import type { ScopedRoute } from './schema-scopes.ts'

// Not within a function, where tsc 6.0 would leave the .ts of an import.
const importDocument = () => import('./openapi-document.ts')
const importPage = () => import('./docs-page.ts')
const hidden = { schema: { hide: true } }

/**
 * `/openapi.json`, made of the schemas of the routes registered after this plugin, and `/docs`, a page to read and try
 * them. The code and the packages behind them are loaded on the first request that needs them, because that is slow.
 */
export default fp(
  async (app) => {
    const routes: ScopedRoute[] = []
    let document: Promise<Buffer> | undefined

    async function build() {
      const { buildDocument } = await importDocument()
      return buildDocument(routes)
    }
    app.addHook('onRoute', function (route) {
      if (route.method !== 'HEAD' && !route.schema?.hide) routes.push({ route, scope: this })
    })
    app.get('/openapi.json', hidden, async (_request, reply) => {
      document ??= build().catch((error) => {
        document = undefined // so that the next request tries again
        throw error
      })
      return reply.type('application/json; charset=utf-8').send(await document)
    })
    for (const url of ['/docs', '/docs/']) {
      app.get(url, hidden, async (_request, reply) => (await importPage()).sendPage(reply))
    }
    app.get('/docs/initializer.js', hidden, async (_request, reply) => (await importPage()).sendInitializer(reply))
    app.get<{ Params: { '*': string } }>('/docs/static/*', hidden, async (request, reply) => {
      const { sendFile } = await importPage()
      return sendFile(request, request.params['*'], reply)
    })
  },
  { name: 'docs' }
)
