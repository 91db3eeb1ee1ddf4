import type { FastifyInstance } from 'fastify'
import service from '#src/app'
import { type Config, schema } from '#src/config'
import { buildApp, load as loadFor } from './platform/harness.ts'

export { directory, until } from './platform/harness.ts'

type Teardown = { teardown: (fn: () => unknown) => unknown }
type Environment = Record<string, string>

/**
 * The app that ships, ready for `inject`, and the lines it logs. `env` is its whole environment. `addRoutes` runs before
 * the app is ready. The app is closed with the test.
 */
export const build = (t: Teardown, env: Environment = {}, addRoutes?: (app: FastifyInstance) => void) =>
  buildApp(t, { service, schema }, env, addRoutes)

/** The config that `env` gives. */
export const load = (env: Environment = {}) => loadFor<Config>(schema, env)
