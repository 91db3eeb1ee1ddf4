import t from 'tap'
import { createClient } from '../client/client.ts'
import { build } from './helper.ts'

t.test('a call gives data, or else the problem', async (t) => {
  const { app } = await build(t)
  const { GET } = createClient(await app.listen())
  const greeting = await GET('/', { params: { query: { name: 'Ada & Grace' } } })
  t.strictSame(greeting.data, { message: 'Hello, Ada & Grace!' })
  t.equal(greeting.error, undefined)
  const refused = await GET('/', { params: { query: { name: '' } } })
  t.equal(refused.data, undefined)
  t.match(refused.error, { status: 400, errors: [{ in: 'query', path: '/name' }] })
})
