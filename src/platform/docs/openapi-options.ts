import { readFileSync } from 'node:fs'
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { RouteOptions } from 'fastify'
import { problem, problemType } from '../problem/problem.ts'
import { problemSchema } from '../problem/problem-schema.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Statuses of the problems that the route's own handler answers with. The document lists them. */
    problems?: readonly number[]
  }
}

const schemas: Readonly<Record<string, object>> = { Problem: problemSchema }

/** Name, version, description and license of this project. */
export function packageInfo(): Record<'name' | 'version' | 'description' | 'license', string> {
  return JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
}

/** The problems that a route can answer with, by status. In the route's own schema each would cost a serializer. */
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

/** What the document says besides the routes, and how a route becomes part of it. */
export function swaggerOptions(): FastifyDynamicSwaggerOptions {
  const { name, version, description, license } = packageInfo()
  return {
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
    // By default shared schemas are called def-0, def-1. A schema that is called Problem must not replace ours.
    refResolver: { buildLocalReference: ({ $id }) => ($id === 'Problem' ? 'Problem-2' : String($id)) },
    transform: ({ schema = {}, url, route }) => {
      const response = { ...problems(route), ...(typeof schema.response === 'object' ? schema.response : {}) }
      return { url, schema: { tags: ['routes'], ...schema, response } }
    }
  }
}
