import t from 'tap'
import { build } from './platform/helper.ts'

/** Without its types, which are those of the routes that ship. */
const { createClient } = await import(new URL('../client/client.ts', import.meta.url).href)

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
