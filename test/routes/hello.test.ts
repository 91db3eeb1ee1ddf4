import t from 'tap'
import { build } from '../helper.ts'

t.test('GET / greets the world, or whom the query names', async (t) => {
  const { app } = await build(t)
  const world = await app.inject('/')
  t.equal(world.statusCode, 200)
  t.equal(world.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(world.body, '{"message":"Hello, World!"}')
  t.strictSame((await app.inject('/?name=Ada')).json(), { message: 'Hello, Ada!' })
  t.strictSame((await app.inject(`/?name=${'é'.repeat(64)}`)).json(), { message: `Hello, ${'é'.repeat(64)}!` })
})

t.test('a name of 0 or 65 characters, and a repeated one, are refused', async (t) => {
  const { app } = await build(t)
  for (const query of ['name=', `name=${'a'.repeat(65)}`, 'name=Ada&name=Bob']) {
    const reply = await app.inject(`/?${query}`)
    t.equal(reply.statusCode, 400, query)
    t.match(reply.json(), { errors: [{ in: 'query', path: '/name', message: String }] })
  }
})

t.test('HEAD / has the headers of GET and no body', async (t) => {
  const { app } = await build(t)
  const reply = await app.inject({ method: 'HEAD', url: '/' })
  t.equal(reply.statusCode, 200)
  t.equal(reply.headers['content-length'], '27')
  t.equal(reply.body, '')
})
