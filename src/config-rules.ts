import { isIP } from 'node:net'
import { Ajv, type ErrorObject } from 'ajv'

type Property = {
  readonly type: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly format?: keyof typeof formatsInWords
  readonly items?: Property
  readonly otherThan?: string
}
type Properties = Readonly<Record<string, Property>>

const formats = {
  host: (value: string) => /^[\w.:%-]+$/.test(value),
  origin: (value: string) => /^https?:/.test(value) && URL.canParse(value) && new URL(value).origin === value,
  proxy(value: string) {
    if (['loopback', 'linklocal', 'uniquelocal'].includes(value)) return true
    const [, address = '', prefix = '1'] = /^([^/]+)(?:\/([1-9]\d*))?$/.exec(value) ?? []
    return isIP(address) > 0 && Number(prefix) <= (isIP(address) === 6 ? 128 : 32)
  }
}

const formatsInWords = {
  host: 'an IP address or a host name',
  origin: 'a list of origins such as https://app.example.com, without a path',
  proxy: 'a list of IP addresses, CIDR ranges, loopback, linklocal or uniquelocal'
}

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
    validate: (other: string, value: unknown, _schema, context) => value === 0 || value !== context?.parentData[other]
  })

/** What `property` accepts, in words. */
function allowed({ type, enum: values, minimum, maximum, format, items }: Property): string {
  if (values) return `one of ${values.join(', ')}`
  if (type === 'boolean') return 'true or false'
  if (items) return allowed(items)
  if (format) return formatsInWords[format]
  return maximum === undefined ? `an integer of at least ${minimum}` : `an integer from ${minimum} to ${maximum}`
}

/** One sentence a fault: the variable and what is allowed, never the value. */
export function faults(properties: Properties, errors: readonly ErrorObject[]): string[] {
  const sentences = Object.entries(properties).flatMap(([name, property]) => {
    const own = errors.filter(({ instancePath }) => `${instancePath}/`.startsWith(`/${name}/`))
    return own.map(({ keyword }) => {
      return `${name} must ${keyword === 'otherThan' ? `differ from ${property.otherThan}` : `be ${allowed(property)}`}`
    })
  })
  return [...new Set(sentences)]
}
