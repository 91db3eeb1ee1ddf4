import { Ajv } from 'ajv'
import ajvFormats from 'ajv-formats'
import { formats } from './formats.ts'
import type { Variable, Variables } from './schema.ts'

/** What some editors write at the start of a `.env` file. */
export const byteOrderMark = '\uFEFF'

const decimal = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i

/** The JSON value that `text` stands for. Text that fits no value of the type is returned as it is: Ajv refuses it. */
export function fromText({ type, items = { type: 'string' } }: Variable, text: string): unknown {
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text)
  if (type === 'number' && decimal.test(text)) return Number(text)
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  if (type !== 'array') return text
  const parts = text.split(',').map((part) => part.trim())
  return parts.filter((part) => part !== '').map((part) => fromText(items, part))
}

/**
 * Validates variables of the environment. Ajv's own coercion is off: it reads `0x50` as 80 and an empty string as 0.
 * Keywords of its own:
 * - `fromText` of the whole schema: drops empty values and turns text into values of the types of the properties
 * - `otherThan` of a number: differs from the variable of that name, unless both are 0
 * - `secret`: see secrets.ts
 */
export const ajv = ajvFormats
  .default(
    new Ajv({
      allErrors: true,
      removeAdditional: true,
      useDefaults: true,
      strict: true,
      strictRequired: false, // checked in schema.ts; this would also refuse `required` within `if`
      addUsedSchema: false,
      validateSchema: false, // validating schemas takes a tenth of the start
      formats
    })
  )
  .addKeyword({
    keyword: 'fromText',
    modifying: true,
    validate(_on: boolean, data: Record<string, unknown>, schema) {
      const { properties }: { properties: Variables } = Object(schema)
      const marked = Object.keys(data).find((name) => name.startsWith(byteOrderMark))
      if (marked) data[marked.slice(1)] ??= data[marked]
      for (const [name, value] of Object.entries(data)) {
        const variable = properties[name]
        if (value === '') delete data[name]
        else if (variable && typeof value === 'string') data[name] = fromText(variable, value)
      }
      return true
    }
  })
  .addKeyword({
    keyword: 'otherThan',
    validate: (other: string, value: unknown, _schema, context) =>
      typeof value !== 'number' || value === 0 || value !== context?.parentData[other]
  })
  .addKeyword('secret')
