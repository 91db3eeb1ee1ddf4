import type { FastifyInstance } from 'fastify'
import { buildApp, type Subject } from './harness.ts'

export * from './harness.ts'

type Teardown = { teardown: (fn: () => unknown) => unknown }
type Environment = Record<string, string>

const load = (name: string) => import(new URL(`./service/${name}.mjs`, import.meta.url).href)
const [{ default: service }, { schema }, { default: misbehaviour }] = await Promise.all(
  ['app', 'config', 'misbehaviour'].map(load)
)
const subject: Subject = { service, schema }

/** The app of test/platform/service, as `buildApp` gives it. */
export const build = (t: Teardown, env: Environment = {}, addRoutes?: (app: FastifyInstance) => void) =>
  buildApp(t, subject, env, addRoutes)

/** The same on a port of its own, with the routes of service/misbehaviour.mjs. */
export async function listen(t: Teardown, env: Environment = {}) {
  const { app, lines } = await build(t, env, (app) => app.register(misbehaviour))
  return { app, lines, url: await app.listen() }
}
