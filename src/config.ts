import envSchema from 'env-schema'
import type { FromSchema } from 'json-schema-to-ts'
import { ajv, faults } from './config-rules.ts'

const port = { type: 'integer', minimum: 0, maximum: 65_535, description: 'an integer from 0 to 65535' } as const
const delay = {
  type: 'integer',
  minimum: 0,
  maximum: 86_400_000,
  description: 'an integer from 0 to 86400000'
} as const
const timeout = { ...delay, minimum: 1000, description: 'an integer from 1000 to 86400000' } as const
const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** `description` is what a fault says is allowed. */
const properties = {
  HOST: { type: 'string', format: 'host', description: 'an IP address or a host name', default: '127.0.0.1' },
  PORT: { ...port, default: 3000 },
  ADMIN_PORT: { ...port, otherThan: 'PORT' },
  LOG_LEVEL: { type: 'string', enum: levels, description: `one of ${levels.join(', ')}`, default: 'info' },
  TRUST_PROXY: {
    type: 'array',
    items: { type: 'string', format: 'proxy' },
    description: 'a list of IP addresses, CIDR ranges, loopback, linklocal or uniquelocal',
    default: []
  },
  CORS_ORIGIN: {
    type: 'array',
    items: { type: 'string', format: 'origin' },
    description: 'a list of origins such as https://app.example.com, without a path',
    default: []
  },
  DOCS: { type: 'boolean', description: 'true or false', default: true },
  BODY_LIMIT_BYTES: { type: 'integer', minimum: 0, description: 'an integer of at least 0', default: 65_536 },
  REQUEST_TIMEOUT_MS: { ...timeout, default: 10_000 },
  KEEP_ALIVE_TIMEOUT_MS: { ...timeout, default: 72_000 },
  MAX_CONNECTIONS: { type: 'integer', minimum: 1, description: 'an integer of at least 1', default: 10_000 },
  OVERLOAD_DELAY_MS: { ...delay, default: 100 },
  DRAIN_DELAY_MS: { ...delay, default: 0 },
  SHUTDOWN_TIMEOUT_MS: { ...timeout, default: 10_000 }
} as const

/** The environment as JSON Schema; every variable of the service stands in it, with its default. */
export const schema = {
  type: 'object',
  fromStrings: properties,
  properties,
  additionalProperties: false
} as const

/** The validated environment, by variable; read-only. */
export type Config = FromSchema<typeof schema>

/** How `loadConfig` and @fastify/env validate alike. */
export const envOptions = { schema, ajv, dotenv: true }

/** Its message names each faulty variable and what is allowed, never a value. */
export class ConfigError extends Error {}

/**
 * Validates `env`, completed by the file `.env` of the working directory where there is one. A variable in `env` wins
 * over the file; an empty one counts as unset.
 * @throws ConfigError with every fault
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const data = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  try {
    return envSchema<Config>({ ...envOptions, data, env: false })
  } catch (error) {
    if (!(error instanceof Error && 'errors' in error && Array.isArray(error.errors))) throw error
    throw new ConfigError(faults(properties, error.errors).join('; '))
  }
}
