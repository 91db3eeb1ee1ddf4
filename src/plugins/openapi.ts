import { readFileSync } from 'node:fs'
import fp from 'fastify-plugin'

/** `/openapi.json` and `/docs`; where DOCS is false, neither exists and their packages are not even loaded. */
export default fp(
  async (app) => {
    if (!app.config.DOCS) return
    const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
      import('@fastify/swagger'),
      import('@fastify/swagger-ui')
    ])
    const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    await app.register(swagger, { openapi: { openapi: '3.1.0', info: { title: name, version } } })
    await app.register(swaggerUi, { routePrefix: '/docs' })
  },
  { name: 'openapi' }
)
