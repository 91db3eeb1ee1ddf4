import t from 'tap'
import { loadConfig as load } from '#src/platform/config/load-config'
import { environment, platformVariables } from '#src/platform/config/variables'
import { directory } from '../helper.ts'

const schema = { ...environment, properties: platformVariables } as const
const loadConfig = (env: NodeJS.ProcessEnv) => load(schema, env)

const defaults = {
  HOST: '127.0.0.1',
  PORT: 3000,
  LOG_LEVEL: 'info',
  TRUST_PROXY: [],
  CORS_ORIGIN: [],
  CORS_CREDENTIALS: false,
  CORS_MAX_AGE_S: 600,
  DOCS: true,
  BODY_LIMIT_BYTES: 65536,
  REQUEST_TIMEOUT_MS: 10000,
  KEEP_ALIVE_TIMEOUT_MS: 72000,
  MAX_CONNECTIONS: 10000,
  OVERLOAD_DELAY_MS: 100,
  DRAIN_DELAY_MS: 0,
  SHUTDOWN_TIMEOUT_MS: 10000
}

t.beforeEach((t) => process.chdir(directory(t))) // no .env here

t.test('an empty environment gives the defaults, and unknown variables are left out', async (t) => {
  t.strictSame(loadConfig({}), defaults)
  t.strictSame(loadConfig({ HOME: '/root', port: '1' }), defaults)
})

t.test('an empty value counts as unset', async (t) => {
  const empty = Object.fromEntries(Object.keys(schema.properties).map((name) => [name, '']))
  t.strictSame(loadConfig(empty), defaults)
})

t.test('text becomes what the schema asks for', async (t) => {
  const config = loadConfig({ PORT: '0', ADMIN_PORT: '0', DOCS: 'false', TRUST_PROXY: ' 10.0.0.0/8 ,, ::1,loopback ' })
  t.match(config, { PORT: 0, ADMIN_PORT: 0, DOCS: false, TRUST_PROXY: ['10.0.0.0/8', '::1', 'loopback'] })
  const origins = loadConfig({ CORS_ORIGIN: 'https://a.example,http://localhost:5173' }).CORS_ORIGIN
  t.strictSame(origins, ['https://a.example', 'http://localhost:5173'])
})

t.test('a bad value is named with what is allowed, and not repeated', async (t) => {
  const port = 'an integer from 0 to 65535'
  const proxies = 'a list of IP addresses, CIDR ranges, loopback, linklocal or uniquelocal'
  const origins = 'a list of origins such as https://app.example.com, without a path'
  const timeout = 'an integer from 1000 to 86400000'
  const table: [string, string, string][] = [
    ['PORT', 'http', port],
    ['PORT', '80.5', port],
    ['PORT', '-1', port],
    ['PORT', '65536', port],
    ['PORT', '0x50', port],
    ['PORT', '1e3', port],
    ['PORT', ' 80', port],
    ['ADMIN_PORT', '99999', port],
    ['HOST', 'two words', 'an IP address or a host name'],
    ['LOG_LEVEL', 'verbose', 'one of fatal, error, warn, info, debug, trace, silent'],
    ['DOCS', 'TRUE', 'true or false'],
    ['DOCS', '1', 'true or false'],
    ['TRUST_PROXY', 'true', proxies],
    ['TRUST_PROXY', '1', proxies],
    ['TRUST_PROXY', '10.0.0.0/33', proxies],
    ['TRUST_PROXY', '10.0.0.0/0', proxies],
    ['TRUST_PROXY', '::1/129', proxies],
    ['TRUST_PROXY', '10.0.0.1,proxy.example', proxies],
    ['CORS_ORIGIN', '*', origins],
    ['CORS_ORIGIN', 'https://a.example/path', origins],
    ['CORS_ORIGIN', 'ftp://a.example', origins],
    ['CORS_CREDENTIALS', 'yes', 'true or false'],
    ['CORS_MAX_AGE_S', '-1', 'an integer from 0 to 86400'],
    ['CORS_MAX_AGE_S', '86401', 'an integer from 0 to 86400'],
    ['BODY_LIMIT_BYTES', '-1', 'an integer of at least 0'],
    ['MAX_CONNECTIONS', '0', 'an integer of at least 1'],
    ['REQUEST_TIMEOUT_MS', '999', timeout],
    ['KEEP_ALIVE_TIMEOUT_MS', '999', timeout],
    ['SHUTDOWN_TIMEOUT_MS', '86400001', timeout],
    ['OVERLOAD_DELAY_MS', 'never', 'an integer from 0 to 86400000'],
    ['DRAIN_DELAY_MS', '5s', 'an integer from 0 to 86400000']
  ]
  for (const [name, value, allowed] of table) {
    t.throws(() => loadConfig({ [name]: value }), { message: `${name} must be ${allowed}` }, `${name}=${value}`)
  }
})

t.test('all faults are named at once, those between variables too', async (t) => {
  const faulty = { PORT: '4000', ADMIN_PORT: '4000', LOG_LEVEL: 'loud', TRUST_PROXY: 'x,y' }
  t.throws(() => loadConfig(faulty), {
    message: /^(?=.*ADMIN_PORT must differ from PORT)(?=.*LOG_LEVEL)(?=.*TRUST_PROXY)/
  })
  t.throws(() => loadConfig({ ADMIN_PORT: '3000' }), { message: 'ADMIN_PORT must differ from PORT' })
})
