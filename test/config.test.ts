import t from 'tap'
import { schema } from '#src/config'
import { load } from './helper.ts'

t.test('no variable has to be set', async (t) => {
  t.match(load(), { HOST: '127.0.0.1', PORT: 3000 })
})

t.test('an empty value counts as unset', async (t) => {
  const empty = Object.fromEntries(Object.keys(schema.properties).map((name) => [name, '']))
  t.strictSame(load(empty), load())
})

t.test('a fault names its variable and what is allowed', async (t) => {
  t.throws(() => load({ PORT: 'http' }), { message: 'PORT must be an integer from 0 to 65535' })
})
