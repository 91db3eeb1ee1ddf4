/**
 * Arguments for node that run `code` where a plugin of the service would: `app` is the public app before its plugins
 * load, `log` writes a line.
 */
export function owner(code: string): string[] {
  const script = `
    import { subscribe, unsubscribe } from 'node:diagnostics_channel'
    import { isMainThread } from 'node:worker_threads'
    if (!isMainThread) console.error('loaded in a thread')
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    function onInitialization({ fastify: app }) {
      unsubscribe('fastify.initialization', onInitialization) // the second app is the admin listener
      const log = (text) => app.log.info(text)
      ${code}
    }
    subscribe('fastify.initialization', onInitialization)`
  return ['--import', `data:text/javascript,${encodeURIComponent(script)}`]
}
