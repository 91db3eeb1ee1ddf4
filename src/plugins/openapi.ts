import { readFileSync } from 'node:fs'
import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { problem, problemType } from '../problem.ts'
import { problemSchema } from '../problem-schema.ts'
import docsPage from './docs-page.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The statuses of the problems that the route's own handler answers with. */
    problems?: readonly number[]
  }
}

const { name, version, description, license } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
)

/** What `route` answers with besides what its own schema lists. */
function problems({ url, method, config }: RouteOptions) {
  const statuses = [400, 408, 431, 500, 503, ...(config?.problems ?? [])]
  if (/[:*]/.test(url)) statuses.push(414)
  if (method !== 'GET') statuses.push(413, 415)
  return Object.fromEntries(
    statuses.map((status) => {
      const { detail } = problem(status, '')
      const content = { [problemType]: { schema: { $ref: '#/components/schemas/Problem' } } }
      return [status, { description: detail, content }]
    })
  )
}

const schemas: Readonly<Record<string, object>> = { Problem: problemSchema }

const options: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: name,
      version,
      description,
      license: { name: license, identifier: license },
      contact: { name: `The maintainers of ${name}` }
    },
    servers: [{ url: '/', description: 'Where this document is served' }],
    tags: [{ name: 'routes', description: 'The public routes' }],
    security: [],
    components: { schemas }
  },
  refResolver: { buildLocalReference: ({ $id }) => String($id) }, // else shared schemas are called def-0, def-1
  transform: ({ schema = {}, url, route }) => {
    const response = { ...problems(route), ...(typeof schema.response === 'object' ? schema.response : {}) }
    return { url, schema: { tags: ['routes'], ...schema, response } }
  }
}

/**
 * `/openapi.json`, made from the schemas of the routes registered after it, and `/docs`, the page to read and try them.
 * The statuses that any route may answer with are added here: in the routes' schemas each would cost a serializer.
 */
export default fp(
  async (app) => {
    await app.register(swagger, options)
    await app.register(docsPage, { title: name })
    app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  },
  { name: 'openapi' }
)
