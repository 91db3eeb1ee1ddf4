import Module, { createRequire } from 'node:module'

type Teardown = { teardown: (fn: () => unknown) => unknown }

/** Makes the next `require` of the package `name` throw "canary"; the one after it loads the package. */
export function failOnce(t: Teardown, name: string) {
  const { cache, resolve } = createRequire(import.meta.url)
  const path = resolve(name)
  const { [path]: loaded } = cache
  const broken = new Module(path)
  Object.defineProperty(broken, 'loaded', { value: true })
  Object.defineProperty(broken, 'exports', {
    get() {
      delete cache[path]
      throw new Error('canary')
    }
  })
  cache[path] = broken
  t.teardown(() => {
    if (loaded) cache[path] = loaded
  })
}
