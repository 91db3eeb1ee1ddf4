import type { ErrorObject } from 'ajv'
import envSchema from 'env-schema'
import type { FromSchema } from 'json-schema-to-ts'
import { describeUnreadable, readEnvFile } from './env-file.ts'
import { allowed, ConfigError, faults, isAbout } from './faults.ts'
import { checkSchema, type EnvironmentSchema } from './schema.ts'
import { hideSecrets } from './secrets.ts'
import { ajv } from './validator.ts'

/** The options of @fastify/env, to validate as `loadConfig` does. */
export const envOptions = (schema: EnvironmentSchema) => ({ schema, ajv, dotenv: true })

/** @throws TypeError where the schema of a variable does not compile */
function checkVariables({ properties }: EnvironmentSchema) {
  for (const [name, variable] of Object.entries(properties)) {
    try {
      ajv.compile({ type: 'object', properties: { [name]: variable } })
    } catch (cause) {
      throw new TypeError(`The schema of ${name} is wrong: ${cause}`, { cause })
    }
  }
}

/** @throws TypeError where a variable is not in `data`, and its default does not match its own schema */
function checkDefaults({ properties }: EnvironmentSchema, data: NodeJS.Dict<string>, errors: readonly ErrorObject[]) {
  for (const [name, variable] of Object.entries(properties)) {
    const isFaulty = errors.some((error) => isAbout(name, error) && error.keyword !== 'otherThan')
    if (isFaulty && !data[name]) throw new TypeError(`The default of ${name} must be ${allowed(variable)}`)
  }
}

/**
 * Validates `env`, completed by the file `.env` of the working directory if there is one. A variable in `env` wins over
 * the file; an empty one counts as unset; unknown ones are left out.
 * @param warn - called at most once, with the lines of the file that cannot be read
 * @throws ConfigError with every fault of the environment
 * @throws TypeError where the schema itself is wrong
 */
export function loadConfig<const S extends EnvironmentSchema, C = FromSchema<S>>(
  schema: S,
  env: NodeJS.ProcessEnv,
  warn: (message: string) => void = () => {}
): C {
  checkSchema(schema)
  const { values, unreadable } = readEnvFile()
  if (unreadable.size > 0) warn(describeUnreadable(unreadable, Object.keys(schema.properties)))
  const set = Object.entries(env).filter(([, value]) => value !== '')
  const data = { ...values, ...Object.fromEntries(set) }
  try {
    const config = envSchema<C>({ ...envOptions(schema), data, env: false, dotenv: false })
    hideSecrets(schema.properties, config)
    return config
  } catch (error) {
    if (!(error instanceof Error && 'errors' in error && Array.isArray(error.errors))) {
      checkVariables(schema)
      throw error
    }
    checkDefaults(schema, data, error.errors)
    throw new ConfigError(faults(schema.properties, error.errors).join('; '))
  }
}
