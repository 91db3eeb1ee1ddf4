import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'

export type Schema = {
  type?: string | string[]
  enum?: unknown[]
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  items?: Schema
  maxItems?: number
  uniqueItems?: boolean
  properties?: Record<string, Schema>
  required?: string[]
}
type Place = 'path' | 'query' | 'header'
type Parameter = { name: string; in: Place; required?: boolean; schema: Schema }
export type Operation = {
  parameters?: Parameter[]
  requestBody?: { content: { 'application/json': { schema: Schema } } }
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>
}
export type OpenApi = { paths: Record<string, Record<string, Operation>> }

/** A request, the operation it is meant for (`GET /items/{id}`) and what the document says will come of it. */
export type Attempt = {
  operation?: string
  expected: 'accepted' | 'refused' | 'either' | 'method not allowed'
  method: string
  target: string
  headers: Record<string, string>
  body?: string
}
type Values = Record<string, string[]>
type Parts = { path: Values; query: Values; header: Values; body: string | undefined; unknown: [string, string][] }

/** Values that `schema` accepts. */
function valid(schema: Schema): fc.Arbitrary<unknown> {
  const { type, minLength = 0, maxLength = 80, minimum: min, maximum: max, items = {}, properties = {} } = schema
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (Array.isArray(type)) return fc.oneof(...type.map((type) => valid({ ...schema, type })))
  if (type === 'integer') return fc.integer({ min: min ?? -0x80000000, max: max ?? 0x7fffffff })
  if (type === 'number') return fc.double({ min: min ?? -1e9, max: max ?? 1e9, noNaN: true })
  if (type === 'boolean') return fc.boolean()
  if (type === 'null') return fc.constant(null)
  if (type === 'array') {
    const maxLength = schema.maxItems ?? 5
    return schema.uniqueItems ? fc.uniqueArray(valid(items), { maxLength }) : fc.array(valid(items), { maxLength })
  }
  if (type === 'object') {
    const fields = Object.entries(properties).map(([name, field]) => [name, valid(field)] as const)
    return fc.record<Record<string, unknown>>(Object.fromEntries(fields), { requiredKeys: schema.required ?? [] })
  }
  if (type !== 'string') throw new Error(`no values are made for ${JSON.stringify(schema)}`)
  if (schema.pattern) return fc.stringMatching(new RegExp(schema.pattern))
  return fc.string({ unit: 'binary', minLength, maxLength })
}

const oddText = fc.constantFrom(
  ...['', ' ', '0', '-1', '1.0', '1e2', '0x10', ' 1', '9007199254740993', 'true', 'TRUE', 'null', 'NaN', '[]', '{}'],
  ...[
    '\u0000',
    '\ufeff',
    '٣',
    'e\u0301',
    '👩‍👩‍👧',
    '../..',
    '%',
    '%00',
    '<script>',
    'a'.repeat(21),
    'a'.repeat(65),
    'a'.repeat(101)
  ]
)
const odd = fc.oneof(oddText, fc.string({ unit: 'binary', maxLength: 120 }), fc.integer().map(String))

/** As they stand in a URL or a header: one string a value. */
const serialized = (value: unknown) => (Array.isArray(value) ? value : [value]).map(String)

function values(operation: Operation, place: Place, wild: boolean): fc.Arbitrary<Values> {
  const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === place)
  // blanks around a field's value are not part of it (RFC 9110, 5.5)
  const headerText = fc.string({ unit: fc.constantFrom(...'abcXYZ09-_ ,;="{}') }).map((text) => text.trim())
  const one = (place === 'header' ? headerText : odd).map((text) => [text])
  const oddValues = place === 'query' ? fc.array(odd, { maxLength: 3 }) : one
  const fields = parameters.map(({ name, schema }) => {
    const right = valid(schema).map(serialized)
    return [name, wild ? fc.oneof({ arbitrary: right, weight: 2 }, oddValues) : right]
  })
  const required = parameters.filter((parameter) => place === 'path' || (parameter.required && !wild))
  return fc.record(Object.fromEntries(fields), { requiredKeys: required.map(({ name }) => name) })
}

/** A valid body, of which a field may be replaced, removed or added, or any JSON at all. */
function wildJson(schema: Schema): fc.Arbitrary<unknown> {
  const anything = fc.oneof(fc.jsonValue(), odd)
  const names = fc.constantFrom(...Object.keys(schema.properties ?? {}), '__proto__', 'constructor', 'toString', 'x')
  const changed = fc.tuple(valid(schema), names, fc.option(anything, { nil: undefined })).map(([body, name, value]) => {
    const fields = Object.entries(Object(body)).filter(([key]) => key !== name)
    return Object.fromEntries(value === undefined ? fields : [...fields, [name, value]])
  })
  return fc.oneof(valid(schema), { arbitrary: changed, weight: 4 }, anything)
}

function parts(operation: Operation, wild: boolean): fc.Arbitrary<Parts> {
  const schema = operation.requestBody?.content['application/json'].schema
  const json = schema && (wild ? wildJson(schema) : valid(schema)).map((body) => JSON.stringify(body))
  const unknown = fc.tuple(fc.stringMatching(/^[a-z]{1,4}-[a-z.[\]]{1,4}$/), fc.string({ unit: 'binary' }))
  return fc.record({
    path: values(operation, 'path', wild),
    query: values(operation, 'query', wild),
    header: values(operation, 'header', wild),
    body: json ?? fc.constant(undefined),
    unknown: fc.array(unknown, { maxLength: wild ? 2 : 0 })
  })
}

const bodies = new Ajv2020({ strict: false, validateFormats: false })
const texts = new Ajv2020({ strict: false, validateFormats: false, coerceTypes: 'array' })

/** Whether `operation` takes `parts`, by the document: text is coerced, a body is not. */
function acceptance({ parameters = [], requestBody }: Operation) {
  const placesAccept = (['path', 'query', 'header'] as const).map((place) => {
    const own = parameters.filter((parameter) => parameter.in === place)
    const validate = texts.compile({
      type: 'object',
      properties: Object.fromEntries(own.map(({ name, schema }) => [name, schema])),
      required: own.filter(({ required }) => required).map(({ name }) => name)
    })
    return (parts: Parts) => {
      const given = Object.entries(parts[place]).filter(([, values]) => values.length > 0)
      return validate(Object.fromEntries(given.map(([name, list]) => [name, list.length === 1 ? list[0] : [...list]])))
    }
  })
  const validateBody = requestBody && bodies.compile(requestBody.content['application/json'].schema)
  const bodyAccepts = (text: string) => {
    try {
      return validateBody?.(JSON.parse(text)) === true
    } catch {
      return false
    }
  }
  return (parts: Parts) =>
    placesAccept.every((accept) => accept(parts)) && (!requestBody || bodyAccepts(parts.body ?? ''))
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'MKCOL', 'LOCK']
const contentTypes = [
  ...['', 'text/plain', 'application/xml', 'multipart/form-data', 'application/x-www-form-urlencoded', 'application'],
  ...['application/json;', 'application/json; charset=utf-16', 'application/json\t', 'application/json \t;a=b'],
  ...['application/jsonx', 'application/json,text/plain', 'APPLICATION/JSON', 'application/vnd.api+json', 'json', '*/*']
]
const paths = [
  ...['*', '//', '/.', '/..', '/%', '/%2e', '/%ZZ', '/a%00b', 'nowhere', 'http://other.test/nowhere', '/nowhere/%'],
  ...['/items/', '/items/1/', '/items//notes/1', '/items/%', `/items/${'1'.repeat(101)}`, '/ITEMS', '/;']
]
const byteText = fc.string({ unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)) })
const headerValue = byteText.map((text) => text.replaceAll('\x7f', ''))
const headerName = fc.constantFrom('accept', 'accept-encoding', 'authorization', 'cookie', 'forwarded', 'if-none-match')
const moreNames = fc.constantFrom(
  'origin',
  'range',
  'referer',
  'x-forwarded-for',
  'x-http-method-override',
  'x-request-id'
)

/** Requests for `operation`, right and wrong ones. */
function attempts(name: string, path: string, operation: Operation, siblings: Record<string, Operation>) {
  const accepts = acceptance(operation)
  const method = name.split(' ')[0] ?? ''
  const build = (parts: Parts): Attempt => {
    const pairs = Object.entries(parts.query).flatMap(([key, list]) =>
      list.map((value): [string, string] => [key, value])
    )
    const query = [...pairs, ...parts.unknown].map((pair) => pair.map(encodeURIComponent).join('='))
    const segments = path.replace(/\{(\w+)\}/g, (_match, key) => encodeURIComponent(parts.path[key]?.[0] ?? ''))
    const headers = Object.fromEntries(Object.entries(parts.header).map(([key, list]) => [key, list.join()]))
    const unrouted = Object.values(parts.path).some(([value = '']) => value === '')
    return {
      ...(unrouted ? {} : { operation: name }),
      expected: unrouted ? 'refused' : accepts(parts) ? 'accepted' : 'refused',
      method,
      target: query.length === 0 ? segments : `${segments}?${query.join('&')}`,
      headers: parts.body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      ...(parts.body === undefined ? {} : { body: parts.body })
    }
  }
  const right = parts(operation, false).map(build)
  const wild = parts(operation, true).map(build)
  const either = fc.oneof(right, wild)

  const otherMethod = fc.tuple(right, fc.constantFrom(...methods)).map(([attempt, method]): Attempt => {
    const {
      body: _body,
      headers: { 'content-type': _type, ...headers },
      ...rest
    } = attempt
    const documented = method === 'HEAD' ? 'get' : method.toLowerCase()
    if (!siblings[documented]) return { ...rest, headers, method, expected: 'method not allowed' }
    return { ...rest, headers, method, operation: `${documented.toUpperCase()} ${path}`, expected: 'either' }
  })
  // Not HEAD: what the parser refuses is answered with a body, as there is no request to say that none is wanted.
  const withBody = fc.constantFrom(...methods.filter((method) => method !== 'HEAD'))
  const otherPath = fc
    .tuple(
      withBody,
      fc.oneof(
        fc.constantFrom(...paths),
        byteText.map((text) => `/~${text}`)
      )
    )
    .map(([method, target]): Attempt => ({ method, target, headers: {}, expected: 'refused' }))
  const moreQuery = fc.tuple(right, byteText).map(([attempt, text]): Attempt => {
    const target = `${attempt.target}${attempt.target.includes('?') ? '&' : '?'}${text}`
    return { ...attempt, target, expected: 'either' }
  })
  const moreHeaders = fc
    .tuple(either, fc.dictionary(fc.oneof(headerName, moreNames), headerValue, { maxKeys: 4 }))
    .map(([attempt, more]): Attempt => ({ ...attempt, headers: { ...more, ...attempt.headers } }))
  const largeHeader = right.map((attempt): Attempt => {
    return { ...attempt, headers: { ...attempt.headers, cookie: 'a'.repeat(20_000) }, expected: 'refused' }
  })
  const unaskedBody = right.map((attempt): Attempt => ({ ...attempt, body: '{}', expected: 'either' }))

  const otherType = fc.tuple(either, fc.constantFrom(...contentTypes)).map(([attempt, type]): Attempt => {
    const expected = attempt.expected === 'accepted' ? 'either' : 'refused'
    return { ...attempt, headers: { ...attempt.headers, 'content-type': type }, expected }
  })
  const cutBody = fc.tuple(right, fc.nat(60)).map(([attempt, length]): Attempt => {
    const body = (attempt.body ?? '').slice(0, Math.min(length, (attempt.body ?? '').length - 1))
    return { ...attempt, body, expected: 'refused' }
  })
  const largeBody = right.map((attempt): Attempt => {
    return { ...attempt, body: `${' '.repeat(70_000)}${attempt.body}`, expected: 'refused' }
  })
  return fc.oneof(
    { arbitrary: right, weight: 6 },
    { arbitrary: wild, weight: 9 },
    otherMethod,
    otherPath,
    moreQuery,
    moreHeaders,
    largeHeader,
    ...(operation.requestBody ? [otherType, cutBody, largeBody] : [unaskedBody])
  )
}

/** Every operation of `document`, by `METHOD /path`. */
export function operationsOf({ paths }: OpenApi): Map<string, Operation> {
  return new Map(
    Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const)
    )
  )
}

/** Requests for all operations of `document` alike. */
export function requestsFor(document: OpenApi): fc.Arbitrary<Attempt> {
  return fc.oneof(
    ...[...operationsOf(document)].map(([name, operation]) => {
      const path = name.split(' ')[1] ?? ''
      return attempts(name, path, operation, document.paths[path] ?? {})
    })
  )
}
