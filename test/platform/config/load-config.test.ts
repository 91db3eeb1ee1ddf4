import { mkdirSync, writeFileSync } from 'node:fs'
import envSchema from 'env-schema'
import t from 'tap'
import { envOptions, loadConfig } from '#src/platform/config/load-config'
import type { EnvironmentSchema, Variable } from '#src/platform/config/schema'
import { environment, platformVariables } from '#src/platform/config/variables'
import { directory } from '../helper.ts'

t.beforeEach((t) => process.chdir(directory(t))) // no .env here

const { HOST, PORT, ADMIN_PORT, LOG_LEVEL, REQUEST_TIMEOUT_MS } = platformVariables

/** A schema of one variable, next to some of the platform. */
const schemaOf = (variable: Variable, required: readonly string[] = []): EnvironmentSchema => {
  return {
    ...environment,
    properties: { HOST, PORT, ADMIN_PORT, LOG_LEVEL, REQUEST_TIMEOUT_MS, X: variable },
    required
  }
}

type Row = {
  variable: Variable
  /** What is allowed, as faults say it. */
  allowed: string
  good: [text: string, value: unknown][]
  bad: string[]
}

const rows: Record<string, Row> = {
  string: { variable: { type: 'string' }, allowed: 'text', good: [['0x50', '0x50']], bad: [] },
  'string with limits': {
    variable: { type: 'string', minLength: 2, maxLength: 3 },
    allowed: 'text from 2 to 3 characters',
    good: [['ab', 'ab']],
    bad: ['a', 'abcd']
  },
  'string with a least length': {
    variable: { type: 'string', minLength: 8 },
    allowed: 'text of at least 8 characters',
    good: [['12345678', '12345678']],
    bad: ['1234567']
  },
  'string with a pattern': {
    variable: { type: 'string', pattern: '^[a-z]+$' },
    allowed: 'text that matches ^[a-z]+$',
    good: [['abc', 'abc']],
    bad: ['ABC']
  },
  URL: {
    variable: { type: 'string', format: 'uri', pattern: '^postgres://' },
    allowed: 'a URL that matches ^postgres://',
    good: [['postgres://a@b/c', 'postgres://a@b/c']],
    bad: ['postgres://a b', 'mysql://a']
  },
  'format without a name of its own': {
    variable: { type: 'string', format: 'json-pointer' },
    allowed: 'text of the format json-pointer',
    good: [['/a', '/a']],
    bad: ['a']
  },
  'described string': {
    variable: { type: 'string', format: 'uri', description: 'a postgres:// URL' },
    allowed: 'a postgres:// URL',
    good: [['postgres://a', 'postgres://a']],
    bad: ['a']
  },
  'enum of strings': {
    variable: { type: 'string', enum: ['red', 'green'] },
    allowed: 'one of red, green',
    good: [['red', 'red']],
    bad: ['blue']
  },
  'enum of integers': {
    variable: { type: 'integer', enum: [1, 2] },
    allowed: 'one of 1, 2',
    good: [['2', 2]],
    bad: ['3', 'one']
  },
  integer: {
    variable: { type: 'integer' },
    allowed: 'an integer',
    good: [
      ['-7', -7],
      ['007', 7],
      ['999999999999999', 999999999999999]
    ],
    bad: ['1.5', '1e3', '0x50', ' 1', 'one', '9999999999999999']
  },
  'integer in a range': {
    variable: { type: 'integer', minimum: 1, maximum: 5 },
    allowed: 'an integer from 1 to 5',
    good: [['5', 5]],
    bad: ['0', '6']
  },
  number: {
    variable: { type: 'number' },
    allowed: 'a number',
    good: [
      ['0.5', 0.5],
      ['-3', -3],
      ['1e3', 1000],
      ['2.5E-1', 0.25]
    ],
    bad: ['NaN', 'Infinity', '1e999', '0x50', ' 1', '1,5', '.5', '5.', 'one']
  },
  'number with limits': {
    variable: { type: 'number', minimum: 0, exclusiveMaximum: 1, multipleOf: 0.25 },
    allowed: 'a number of at least 0, below 1, a multiple of 0.25',
    good: [['0.75', 0.75]],
    bad: ['-0.25', '1', '0.3']
  },
  'number above a limit': {
    variable: { type: 'number', exclusiveMinimum: 0, maximum: 10 },
    allowed: 'a number of at most 10, above 0',
    good: [['10', 10]],
    bad: ['0', '11']
  },
  boolean: {
    variable: { type: 'boolean' },
    allowed: 'true or false',
    good: [
      ['true', true],
      ['false', false]
    ],
    bad: ['1', '0', 'TRUE', 'yes']
  },
  'list of strings': {
    variable: { type: 'array', items: { type: 'string', format: 'ipv4' } },
    allowed: 'a comma-separated list, each an IPv4 address',
    good: [
      [' 10.0.0.1 ,, 10.0.0.2,', ['10.0.0.1', '10.0.0.2']],
      [',', []]
    ],
    bad: ['10.0.0.1,b']
  },
  'list of integers': {
    variable: { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1, maxItems: 2, uniqueItems: true },
    allowed: 'a comma-separated list from 1 to 2 items, each an integer of at least 0, none of them twice',
    good: [['1, 2', [1, 2]]],
    bad: [',', '1,2,3', '1,1', '-1', '1,a']
  },
  'list of booleans': {
    variable: { type: 'array', items: { type: 'boolean' } },
    allowed: 'a comma-separated list, each true or false',
    good: [['true,false', [true, false]]],
    bad: ['true,1']
  }
}

const port = 'PORT must be an integer from 0 to 65535'

for (const [name, { variable, allowed, good, bad }] of Object.entries(rows)) {
  t.test(name, async (t) => {
    const optional = schemaOf(variable)
    const required = schemaOf(variable, ['X'])
    const withDefault = schemaOf({ ...variable, default: good[0]?.[1] })
    for (const schema of [optional, required, withDefault]) {
      for (const [text, value] of good) t.match(loadConfig(schema, { X: text }), { X: value }, `X=${text}`)
      const message = `X must be ${allowed}`
      for (const text of bad) t.throws(() => loadConfig(schema, { X: text }), { message }, `X=${text}`)
    }
    for (const empty of [{}, { X: '' }]) {
      t.notOk('X' in Object(loadConfig(optional, empty)))
      t.match(loadConfig(withDefault, empty), { X: good[0]?.[1] })
      const message = `X must be set: ${allowed}`
      t.throws(() => loadConfig(required, empty), { name: 'Error', message })
      t.throws(() => loadConfig(required, { ...empty, PORT: 'http' }), { message: `${port}; ${message}` })
    }
  })
}

t.test('variables that differ', async (t) => {
  const schema = schemaOf({ type: 'integer', otherThan: 'PORT' })
  t.throws(() => loadConfig(schema, { X: '3000' }), { message: 'X must differ from PORT' })
  t.match(loadConfig(schema, { X: '0', PORT: '0' }), { X: 0, PORT: 0 })
})

t.test('a rule between variables is a fault in words', async (t) => {
  const dependent = { ...schemaOf({ type: 'string' }), dependencies: { X: ['ADMIN_PORT'] } }
  const message = 'ADMIN_PORT must be set: an integer from 0 to 65535'
  t.throws(() => loadConfig(dependent, { X: 'a' }), { message })
  const excluding = { ...schemaOf({ type: 'string' }), not: { required: ['X', 'ADMIN_PORT'] } }
  t.throws(() => loadConfig(excluding, { X: 'a', ADMIN_PORT: '1' }), {
    message: 'The variables together must NOT be valid'
  })
})

t.test('a mistake in the schema is an error that names the variable, whatever the environment holds', async (t) => {
  const mistakes: [unknown, string | RegExp][] = [
    [{ type: 'object' }, 'The type of X must be one of string, integer, number, boolean, array'],
    [{}, 'The type of X must be one of string, integer, number, boolean, array'],
    [{ type: ['string', 'null'] }, 'The type of X must be one of string, integer, number, boolean, array'],
    [{ type: 'array' }, 'X is an array, so its schema needs items'],
    [{ type: 'array', items: { type: 'array' } }, 'The items of X must not be arrays'],
    [{ type: 'array', items: { type: 'date' } }, /^The type of the items of X must be one of/],
    [{ type: 'integer', minumum: 1 }, /^The schema of X is wrong: .*unknown keyword: "minumum"/],
    [{ type: 'integer', minimum: '1' }, /^The schema of X is wrong: .*minimum/],
    [{ type: 'string', minimum: 1 }, /^The schema of X is wrong: .*minimum/],
    [{ type: 'string', format: 'postgres' }, /^The schema of X is wrong: .*unknown format "postgres"/],
    [{ type: 'integer', default: '5' }, 'The default of X must be an integer'],
    [{ type: 'integer', maximum: 3, default: 5 }, 'The default of X must be an integer of at most 3'],
    [
      { type: 'array', items: { type: 'string', format: 'ipv4' }, default: ['a'] },
      /^The default of X must be a comma-separated list/
    ]
  ]
  for (const [variable, message] of mistakes) {
    const schema: EnvironmentSchema = Object(schemaOf(Object(variable)))
    t.throws(() => loadConfig(schema, {}), { name: 'TypeError', message }, JSON.stringify(variable))
  }
  const message = 'Y is required, but is not one of the properties'
  t.throws(() => loadConfig(schemaOf({ type: 'string' }, ['Y']), {}), { name: 'TypeError', message })
})

t.test('an error that is neither is thrown as it is', async (t) => {
  const schema = { ...schemaOf({ type: 'string' }), minPropertis: 1 }
  t.throws(() => loadConfig(schema, {}), { name: 'Error', message: /minPropertis/ })
})

t.test('.env completes the environment', async (t) => {
  writeFileSync('.env', 'HOST=0.0.0.0\nX=1\nREQUEST_TIMEOUT_MS=\n')
  const schema = schemaOf({ type: 'integer' }, ['X'])
  t.match(loadConfig(schema, {}), { HOST: '0.0.0.0', X: 1, REQUEST_TIMEOUT_MS: 10_000 })
  t.match(
    loadConfig(schema, { HOST: '', X: '2' }),
    { HOST: '0.0.0.0', X: 2 },
    'a real variable wins, if it is not empty'
  )
})

t.test('lines of .env that cannot be read are named in one warning, without their values', async (t) => {
  const warnings: string[] = []
  const load = () => loadConfig(schemaOf({ type: 'string' }), {}, (message) => warnings.push(message))
  t.match(load(), { PORT: 3000 }, 'there may be no file')
  writeFileSync('.env', '# a: b\n\nPORT: 4000\nhunter2\nX hunter3\nHOST=0.0.0.0\n')
  t.match(load(), { PORT: 3000, HOST: '0.0.0.0' }, 'the line after one of them is read')
  writeFileSync('.env', 'HOST=0.0.0.0\nX=a\n')
  t.match(load(), { HOST: '0.0.0.0' })
  writeFileSync('.env', Buffer.from('\uFEFFHOST=0.0.0.0\r\nX=a\r\n', 'utf16le'))
  t.match(load(), { HOST: '127.0.0.1' })
  const hint = 'Write NAME=value, in UTF-8.'
  t.strictSame(warnings, [
    `.env: ignored what cannot be read: line 3 (PORT), 4, 5 (X). ${hint}`,
    `.env: ignored what cannot be read: line 1 (HOST), 2 (X). ${hint}`
  ])
  t.throws(() => loadConfig(schemaOf({ type: 'string' }, ['X']), {}), { message: 'X must be set: text' }, 'no callback')
})

t.test('@fastify/env reads the same with `envOptions`', async (t) => {
  writeFileSync('.env', '\uFEFFPORT=4000\nX=1,2\nHOST=\n')
  const options = envOptions(schemaOf({ type: 'array', items: { type: 'integer' } }))
  t.match(envSchema({ ...options, env: false }), { PORT: 4000, X: [1, 2], HOST: '127.0.0.1' })
  t.match(envSchema({ ...options, env: false, data: { PORT: '5000' } }), { PORT: 5000 }, 'a real variable wins')
})

t.test('a .env that is a directory is an error', async (t) => {
  mkdirSync('.env')
  t.throws(() => loadConfig(schemaOf({ type: 'string' }), {}), { code: 'EISDIR' })
})
