import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { sendProblem } from '../problem.ts'

const importDocs = () => import('../docs.ts') // here, as tsc 6.0 leaves the .ts of an import within a function
const hidden = { schema: { hide: true } }

/**
 * `/openapi.json`, made from the schemas of the routes registered after it, and `/docs`, the page to read and try them.
 * What makes them is loaded when they are first asked for: at the start it costs half as much as all the rest.
 */
export default fp(
  async (app) => {
    const routes: RouteOptions[] = []
    const instances: FastifyInstance[] = [app]
    let docs: Promise<FastifyInstance> | undefined

    app.addHook('onRegister', (instance) => void instances.push(instance))
    app.addHook('onRoute', (route) => {
      if (route.method !== 'HEAD' && !route.schema?.hide) routes.push(route)
    })
    async function load() {
      const { buildDocs } = await importDocs()
      return buildDocs(routes, Object.assign({}, ...instances.map((instance) => instance.getSchemas())))
    }
    async function forward({ url, headers }: FastifyRequest, reply: FastifyReply) {
      docs ??= load()
      const { statusCode, headers: answered, rawPayload } = await (await docs).inject({ url, headers })
      if (statusCode >= 400) return sendProblem(reply, statusCode)
      const { connection: _, ...kept } = answered
      return reply.code(statusCode).headers(kept).send(rawPayload)
    }
    for (const url of ['/openapi.json', '/docs', '/docs/*']) app.get(url, hidden, forward)
  },
  { name: 'docs' }
)
