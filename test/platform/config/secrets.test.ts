import { Writable } from 'node:stream'
import { inspect } from 'node:util'
import { fastify } from 'fastify'
import t from 'tap'
import { loadConfig } from '#src/platform/config/load-config'
import { secretValues } from '#src/platform/config/secrets'
import { environment, platformVariables } from '#src/platform/config/variables'
import { LogDestination } from '#src/platform/logging/destination'
import { createLogger } from '#src/platform/logging/logger'
import { directory } from '../helper.ts'

const schema = {
  ...environment,
  properties: {
    ...platformVariables,
    DATABASE_URL: { type: 'string', format: 'uri', secret: true },
    KEYS: { type: 'array', items: { type: 'string' }, secret: true, default: [] },
    PIN: { type: 'integer', secret: true },
    UNSET: { type: 'string', secret: true }
  },
  required: ['DATABASE_URL']
} as const

const values = {
  DATABASE_URL: 'postgres://me:hunter2@db/main',
  KEYS: 'first"key\\é,second-key,abc',
  PIN: '7654321'
}
const canaries = /hunter2|first|second-key|7654321/

t.beforeEach((t) => process.chdir(directory(t))) // no .env here

function capture(secrets: readonly string[]) {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    }
  })
  const output = new LogDestination(stream)
  const log = createLogger('info', output, secrets)
  const lines = async () => {
    await output.flushed()
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  }
  return { log, lines }
}

t.test('the service has the value, JSON and inspect of the config do not', async (t) => {
  const config = loadConfig(schema, values)
  t.strictSame([config.DATABASE_URL, config.PIN], [values.DATABASE_URL, 7654321])
  t.match(JSON.parse(JSON.stringify({ config })), {
    config: { PORT: 3000, DATABASE_URL: '[secret]', KEYS: '[secret]', PIN: '[secret]', UNSET: undefined }
  })
  t.notMatch(inspect({ config }), canaries)
  t.strictSame(
    Object.keys(config).filter((name) => !(name in schema.properties)),
    []
  )
})

t.test('a fault does not have it', async (t) => {
  const faulty = { DATABASE_URL: 'hunter2', PIN: 'first', UNSET: 'a' }
  t.throws(() => loadConfig(schema, faulty), { message: 'DATABASE_URL must be a URL; PIN must be an integer' })
})

t.test('no log line has it', async (t) => {
  const config = loadConfig(schema, values)
  const { log, lines } = capture(secretValues(schema.properties, config))
  log.info({ config })
  log.info(config)
  log.info({ database: { url: config.DATABASE_URL, keys: config.KEYS, pin: config.PIN, port: config.PORT } }, 'begun')
  log.child({ url: config.DATABASE_URL }).warn(`connecting to ${config.DATABASE_URL} as me:hunter2`)
  log.error({ err: new Error(`no connection to ${config.DATABASE_URL}`) })
  log.info({ short: config.KEYS[2], time: 1 }, 'abc')
  const written = await lines()
  t.notMatch(JSON.stringify(written), canaries)
  t.match(written[2], {
    database: { url: '[secret]', keys: ['[secret]', '[secret]', 'abc'], pin: '[secret]', port: 3000 }
  })
  t.match(written[3], { level: 40, url: '[secret]', msg: 'connecting to [secret] as me:[secret]' })
  t.match(written[4], { level: 50, err: { message: 'no connection to [secret]', stack: /secrets\.test\.ts/ } })
  t.match(written[5], { short: 'abc', msg: 'abc' }, 'a value under 6 characters may be part of any word')
})

t.test('lines without it are written as they are', async (t) => {
  const { log, lines } = capture(['canary'])
  log.info({ a: 1, b: 'c' }, 'd')
  t.match(await lines(), [{ level: 30, a: 1, b: 'c', msg: 'd' }])
})

t.test('no reply has it', async (t) => {
  const config = loadConfig(schema, values)
  const app = fastify()
  t.teardown(() => app.close())
  const properties = { config: { type: 'object', additionalProperties: true } }
  app.get('/plain', async () => ({ config }))
  app.get('/described', { schema: { response: { 200: { type: 'object', properties } } } }, async () => ({ config }))
  for (const url of ['/plain', '/described']) {
    const { body } = await app.inject(url)
    t.match(JSON.parse(body), { config: { PORT: 3000, DATABASE_URL: '[secret]' } }, url)
    t.notMatch(body, canaries, url)
  }
})
