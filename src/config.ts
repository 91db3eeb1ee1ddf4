import type { FromSchema } from 'json-schema-to-ts'
import { loadConfig as load } from './platform/config/load-config.ts'
import { environment, platformVariables } from './platform/config/variables.ts'

/** The variables of the service, as JSON Schema. A variable without a default that must be set stands in `required`. */
export const schema = {
  ...environment,
  properties: {
    ...platformVariables
  },
  required: []
} as const

/** The validated values, by variable; read-only. */
export type Config = FromSchema<typeof schema>

/** For callers that pass no schema. */
export const loadConfig = (env: NodeJS.ProcessEnv, warn?: (message: string) => void): Config => load(schema, env, warn)
