import { isIP } from 'node:net'
import { Ajv, type ErrorObject } from 'ajv'

type Property = { readonly type: string; readonly description: string; readonly otherThan?: string }
type Properties = Readonly<Record<string, Property>>

const formats = {
  host: (value: string) => isIP(value) > 0 || /^(?![\d.]+$)\w([\w.-]*\w)?$/.test(value),
  origin: (value: string) => /^https?:[^*]+$/.test(value) && URL.canParse(value) && new URL(value).origin === value,
  proxy(value: string) {
    if (['loopback', 'linklocal', 'uniquelocal'].includes(value)) return true
    const [, address = '', prefix = '1'] = /^([^/]+)(?:\/([1-9]\d*))?$/.exec(value) ?? []
    return isIP(address) > 0 && Number(prefix) <= (isIP(address) === 6 ? 128 : 32)
  }
}

/** What some editors begin a `.env` file with; it would be part of the first name. */
const byteOrderMark = '\uFEFF'

/** The JSON value that `text` stands for; text of another type stays as it is, for the schema to refuse. */
function fromString({ type }: Property, text: string) {
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text)
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  if (type === 'array') return text.split(',').flatMap((item) => item.trim() || [])
  return text
}

/**
 * Ajv for variables of the environment. Its own coercion is off: it makes 80 of `0x50` and 0 of an empty string.
 * - `fromStrings` on the schema: drops empty values and turns the rest into what the schema asks for
 * - `otherThan` on a property: differs from the property named, unless both are 0
 */
export const ajv = new Ajv({
  allErrors: true,
  removeAdditional: true,
  useDefaults: true,
  addUsedSchema: false,
  validateSchema: false, // as in options.ts
  formats
})
  .addKeyword({
    keyword: 'fromStrings',
    modifying: true,
    validate(properties: Properties, data: Record<string, unknown>) {
      const marked = Object.keys(data).find((name) => name.startsWith(byteOrderMark))
      if (marked) data[marked.slice(1)] ??= data[marked]
      for (const [name, value] of Object.entries(data)) {
        const property = properties[name]
        if (value === '') delete data[name]
        else if (property && typeof value === 'string') data[name] = fromString(property, value)
      }
      return true
    }
  })
  .addKeyword({
    keyword: 'otherThan',
    validate: (other: string, value: unknown, _schema, context) =>
      typeof value !== 'number' || value === 0 || value !== context?.parentData[other]
  })

/** One sentence a fault: the variable and what is allowed, never the value. */
export function faults(properties: Properties, errors: readonly ErrorObject[]): string[] {
  const sentences = Object.entries(properties).flatMap(([name, { description, otherThan }]) => {
    const own = errors.filter(({ instancePath }) => `${instancePath}/`.startsWith(`/${name}/`))
    return own.map(({ keyword }) => {
      return `${name} must ${keyword === 'otherThan' ? `differ from ${otherThan}` : `be ${description}`}`
    })
  })
  return [...new Set(sentences)]
}
