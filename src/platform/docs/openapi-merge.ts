import { isDeepStrictEqual } from 'node:util'

/** The parts of an OpenAPI document that routes add to. */
export type Document = {
  paths: Record<string, object>
  components: { schemas: Record<string, object> }
}

const prefix = '#/components/schemas/'

/** A copy of `value` whose references to schemas have the new names in `names`. */
function rename<T>(value: T, names: ReadonlyMap<string, string>): T {
  return JSON.parse(JSON.stringify(value), (key, child) => {
    if (key !== '$ref' || typeof child !== 'string' || !child.startsWith(prefix)) return child
    const [name = '', ...rest] = child.slice(prefix.length).split('/')
    return [prefix + (names.get(name) ?? name), ...rest].join('/')
  })
}

/**
 * Adds the paths and schemas of `more` to `document`. Schemas that are the same in both are shared. A schema whose name
 * `document` uses for another one gets the first free name of `Item-2`, `Item-3` and so on.
 */
export function mergeDocument(document: Document, more: Document): void {
  const { schemas } = document.components
  const added = Object.entries(more.components.schemas)
  const names = new Map<string, string>()

  function freeName(name: string) {
    let number = 2
    while (`${name}-${number}` in schemas || `${name}-${number}` in more.components.schemas) number++
    return `${name}-${number}`
  }
  // A new name changes the schemas that refer to it, so these may need one as well.
  for (let before = -1; before < names.size; ) {
    before = names.size
    for (const [name, schema] of added) {
      const isNew = name in schemas && !names.has(name) && !isDeepStrictEqual(rename(schema, names), schemas[name])
      if (isNew) names.set(name, freeName(name))
    }
  }
  for (const [name, schema] of added) schemas[names.get(name) ?? name] = rename(schema, names)
  for (const [path, operations] of Object.entries(more.paths)) {
    document.paths[path] = { ...document.paths[path], ...rename(operations, names) }
  }
}
