import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance, RouteOptions } from 'fastify'

/** A route, and the instance that it is registered on: its schemas are those that the route can refer to. */
export type ScopedRoute = { route: RouteOptions; scope: Pick<FastifyInstance, 'getSchemas'> }

type Schemas = Readonly<Record<string, unknown>>
type Group = { routes: RouteOptions[]; schemas: Schemas }

/** Whether no `$id` means one schema in `a` and another one in `b`. */
function agree(a: Schemas, b: Schemas): boolean {
  return Object.entries(b).every(([id, schema]) => !(id in a) || isDeepStrictEqual(a[id], schema))
}

/**
 * Divides `routes` so that within a group each `$id` means one schema. Fastify lets plugins that do not contain each
 * other use the same `$id` for different schemas. Without such a case there is one group.
 */
export function groupByScope(routes: readonly ScopedRoute[]): [Group, ...Group[]] {
  const groups: [Group, ...Group[]] = [{ routes: [], schemas: {} }]
  for (const { route, scope } of routes) {
    const schemas = scope.getSchemas()
    const group = groups.find((group) => agree(group.schemas, schemas))
    if (group) {
      group.routes.push(route)
      group.schemas = { ...group.schemas, ...schemas }
    } else groups.push({ routes: [route], schemas })
  }
  return groups
}
