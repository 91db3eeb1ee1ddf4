/** One variable, as JSON Schema. Ajv also checks the keywords that are not listed here. */
export type Variable = {
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'array'
  /** What is allowed, as it ends the sentence "NAME must be ..."; without it, derived from the other keywords. */
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly (string | number | boolean)[]
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly multipleOf?: number
  /** The type of each item of a list; lists of lists are not supported. */
  readonly items?: Variable
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  /** The value is kept out of the log and of JSON. */
  readonly secret?: boolean
  /** The name of a variable whose value must differ, unless both are 0. */
  readonly otherThan?: string
}

export type Variables = Readonly<Record<string, Variable>>

/** The schema of all variables of a service: `{ ...environment, properties, required }`. */
export type EnvironmentSchema = {
  readonly type: 'object'
  readonly fromText: true
  readonly additionalProperties: false
  readonly properties: Variables
  /** Names of variables that must be set. */
  readonly required?: readonly string[]
}

const types = ['string', 'integer', 'number', 'boolean', 'array']

function checkVariable(name: string, { type, items }: Variable) {
  if (!types.includes(type)) throw new TypeError(`The type of ${name} must be one of ${types.join(', ')}`)
  if (type !== 'array') return
  if (!items) throw new TypeError(`${name} is an array, so its schema needs items`)
  if (items.type === 'array') throw new TypeError(`The items of ${name} must not be arrays`)
  checkVariable(`the items of ${name}`, items)
}

/** @throws TypeError where the schema itself is wrong: a mistake of the programmer, not of the environment */
export function checkSchema({ properties, required = [] }: EnvironmentSchema): void {
  for (const [name, variable] of Object.entries(properties)) checkVariable(name, variable)
  const unknown = required.find((name) => !Object.hasOwn(properties, name))
  if (unknown !== undefined) throw new TypeError(`${unknown} is required, but is not one of the properties`)
}
