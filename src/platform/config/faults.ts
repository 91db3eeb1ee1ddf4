import type { ErrorObject } from 'ajv'
import { formatNames } from './formats.ts'
import type { Variable, Variables } from './schema.ts'

/** Its message names each faulty variable and what is allowed, never a value. */
export class ConfigError extends Error {}

function range(least: unknown, most: unknown, unit = '') {
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}${unit}`
  if (least !== undefined) return ` of at least ${least}${unit}`
  return most === undefined ? '' : ` of at most ${most}${unit}`
}

function numbers(noun: string, variable: Variable) {
  const { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below, multipleOf } = variable
  const more = [
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
    ...(multipleOf === undefined ? [] : [`a multiple of ${multipleOf}`])
  ]
  return [`${noun}${range(minimum, maximum)}`, ...more].join(', ')
}

function text({ format, pattern, minLength, maxLength }: Variable) {
  const noun = format === undefined ? 'text' : (formatNames[format] ?? `text of the format ${format}`)
  const matches = pattern === undefined ? '' : ` that matches ${pattern}`
  return `${noun}${range(minLength, maxLength, ' characters')}${matches}`
}

/** What is allowed, as it ends the sentence "NAME must be ...". */
export function allowed(variable: Variable): string {
  const { type, description, enum: values, items = { type: 'string' }, minItems, maxItems } = variable
  if (description !== undefined) return description
  if (values) return `one of ${values.join(', ')}`
  if (type === 'boolean') return 'true or false'
  if (type === 'integer') return numbers('an integer', variable)
  if (type === 'number') return numbers('a number', variable)
  if (type === 'string') return text(variable)
  const distinct = variable.uniqueItems ? ', none of them twice' : ''
  return `a comma-separated list${range(minItems, maxItems, ' items')}, each ${allowed(items)}${distinct}`
}

function sentence(name: string, variable: Variable, keyword: string) {
  if (keyword === 'required') return `${name} must be set: ${allowed(variable)}`
  if (keyword === 'otherThan') return `${name} must differ from ${variable.otherThan}`
  return `${name} must be ${allowed(variable)}`
}

/** Whether an error is about the variable `name`, or about an item of its list. */
export const isAbout = (name: string, { instancePath }: ErrorObject) => `${instancePath}/`.startsWith(`/${name}/`)

/** One sentence per fault, in the order of `variables`. */
export function faults(variables: Variables, errors: readonly ErrorObject[]): string[] {
  const sentences = Object.entries(variables).flatMap(([name, variable]) =>
    errors.flatMap((error) => {
      if (isAbout(name, error)) return sentence(name, variable, error.keyword)
      return error.params.missingProperty === name ? sentence(name, variable, 'required') : []
    })
  )
  if (sentences.length > 0) return [...new Set(sentences)]
  return errors.map(({ message }) => `The variables together ${message}`)
}
