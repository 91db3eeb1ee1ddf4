import type { FastifyInstance } from 'fastify'
import type { FromSchema } from 'json-schema-to-ts'

const port = { type: 'integer', minimum: 0, maximum: 65_535 } as const
const delay = { type: 'integer', minimum: 0, maximum: 86_400_000 } as const
const timeout = { type: 'integer', minimum: 1000, maximum: 86_400_000 } as const

/** The platform's variables, as properties of a JSON Schema. The service's schema spreads them and adds its own. */
export const platformVariables = {
  HOST: { type: 'string', format: 'host', default: '127.0.0.1' },
  PORT: { ...port, default: 3000 },
  ADMIN_PORT: { ...port, otherThan: 'PORT' },
  LOG_LEVEL: {
    type: 'string',
    enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    default: 'info'
  },
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
  CORS_CREDENTIALS: { type: 'boolean', default: false },
  CORS_MAX_AGE_S: { type: 'integer', minimum: 0, maximum: 86_400, default: 600 },
  DOCS: { type: 'boolean', default: true },
  BODY_LIMIT_BYTES: { type: 'integer', minimum: 0, default: 65_536 },
  REQUEST_TIMEOUT_MS: { ...timeout, default: 10_000 },
  KEEP_ALIVE_TIMEOUT_MS: { ...timeout, default: 72_000 },
  MAX_CONNECTIONS: { type: 'integer', minimum: 1, default: 10_000 },
  OVERLOAD_DELAY_MS: { ...delay, default: 100 },
  DRAIN_DELAY_MS: { ...delay, default: 0 },
  SHUTDOWN_TIMEOUT_MS: { ...timeout, default: 10_000 }
} as const

/** What every schema of variables has besides `properties` and `required`. */
export const environment = { type: 'object', fromText: true, additionalProperties: false } as const

/** The validated values of the platform's variables. */
export type PlatformConfig = FromSchema<typeof environment & { readonly properties: typeof platformVariables }>

/** The platform's part of `app.config`, which the service types by its own schema. */
export const configOf = (app: FastifyInstance) => app.getDecorator<PlatformConfig>('config')
