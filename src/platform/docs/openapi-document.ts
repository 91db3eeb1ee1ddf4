import { createRequire } from 'node:module'
import { fastify, type RouteOptions } from 'fastify'
import { type Document, mergeDocument } from './openapi-merge.ts'
import { swaggerOptions } from './openapi-options.ts'
import { groupByScope, type ScopedRoute } from './schema-scopes.ts'

/** Loads again after a failure. An `import()` that failed while it read a file fails until the restart on Node 20. */
const require = createRequire(import.meta.url)

/** The document of `routes` whose schemas refer to `schemas`. @fastify/swagger reads the routes of an app of its own. */
async function describe(routes: readonly RouteOptions[], schemas: Readonly<Record<string, unknown>>) {
  const { default: swagger }: typeof import('@fastify/swagger') = require('@fastify/swagger')
  const app = fastify({ exposeHeadRoutes: false })
  app.setValidatorCompiler(() => Boolean).setSerializerCompiler(() => JSON.stringify)
  for (const schema of Object.values(schemas)) app.addSchema(schema)
  await app.register(swagger, swaggerOptions())
  // No handler is ever called.
  for (const { method, url, schema = {}, config = {}, constraints = {} } of routes) {
    app.route({ method, url, schema, config, constraints, handler: Boolean })
  }
  await app.ready()
  const document: Document = JSON.parse(JSON.stringify(app.swagger()))
  await app.close()
  return document
}

/** The OpenAPI document of `routes` as JSON. Rejects where a schema cannot be documented. */
export async function buildDocument(routes: readonly ScopedRoute[]): Promise<Buffer> {
  const [first, ...others] = groupByScope(routes)
  const document = await describe(first.routes, first.schemas)
  for (const { routes, schemas } of others) mergeDocument(document, await describe(routes, schemas))
  return Buffer.from(JSON.stringify(document))
}
