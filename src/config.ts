import type { FromSchema } from 'json-schema-to-ts'
import { environment, platformVariables } from './platform/index.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
  }
}

/** The variables of the service, as JSON Schema. A variable without a default that must be set stands in `required`. */
export const schema = {
  ...environment,
  properties: {
    ...platformVariables
  },
  required: []
} as const

/** The validated values, by variable. */
export type Config = FromSchema<typeof schema>
