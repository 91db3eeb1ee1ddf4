import type { ErrorObject } from 'ajv'
import type { Properties, Property } from './config-rules.ts'

const formatsInWords = {
  host: 'an IP address or a host name',
  origin: 'a list of origins such as https://app.example.com, without a path',
  proxy: 'a list of IP addresses, CIDR ranges, loopback, linklocal or uniquelocal'
}

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
