import { readFileSync } from 'node:fs'
import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { fastify, type RouteOptions } from 'fastify'
import { problem, problemType } from './problem.ts'
import { problemSchema } from './problem-schema.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The statuses of the problems that the route's own handler answers with. */
    problems?: readonly number[]
  }
}

const { name, version, description, license } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8')
)

/** What a route answers with besides what its own schema lists; in its schema each would cost a serializer. */
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

/** No `unsafe-inline` for scripts or styles. It works on plain http, as it upgrades nothing to https. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** An app of its own for `/openapi.json`, the document of `routes`, and `/docs`, Swagger UI served whole from here. */
export async function buildDocs(routes: readonly RouteOptions[], shared: Readonly<Record<string, unknown>>) {
  const docs = fastify({ exposeHeadRoutes: false })
  docs.setValidatorCompiler(() => Boolean).setSerializerCompiler(() => JSON.stringify)
  for (const schema of Object.values(shared)) docs.addSchema(schema)
  await docs.register(swagger, options)
  await docs.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: policy,
    uiConfig: { layout: 'BaseLayout' }, // without the bar on top, which writes an inline style
    theme: { title: name }
  })
  const document = () => docs.swagger()
  for (const { method, url, schema = {}, config = {}, constraints = {} } of routes) {
    docs.route({ method, url, schema, config, constraints, handler: document })
  }
  docs.get('/openapi.json', { schema: { hide: true } }, document)
  return docs
}
