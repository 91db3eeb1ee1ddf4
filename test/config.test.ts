import { writeFileSync } from 'node:fs'
import t from 'tap'
import { loadConfig, schema } from '#src/config'
import { directory } from './helper.ts'

t.beforeEach((t) => process.chdir(directory(t))) // no .env here

t.test('no variable has to be set', async (t) => {
  t.match(loadConfig({}), { HOST: '127.0.0.1', PORT: 3000 })
})

t.test('an empty value counts as unset', async (t) => {
  const empty = Object.fromEntries(Object.keys(schema.properties).map((name) => [name, '']))
  t.strictSame(loadConfig(empty), loadConfig({}))
})

t.test('a fault names its variable and what is allowed', async (t) => {
  t.throws(() => loadConfig({ PORT: 'http' }), { message: 'PORT must be an integer from 0 to 65535' })
})

t.test('a .env that begins with a byte-order mark loses nothing', async (t) => {
  writeFileSync('.env', '\uFEFFPORT=4000\nHOST=0.0.0.0\n')
  t.match(loadConfig({}), { PORT: 4000, HOST: '0.0.0.0' })
  t.match(loadConfig({ PORT: '5000' }), { PORT: 5000 }, 'a real variable wins')
})
