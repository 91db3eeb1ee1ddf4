import { readFileSync } from 'node:fs'

const app = readFileSync(new URL('../src/app.ts', import.meta.url), 'utf8')

const route = `import type { FastifyPluginAsyncJsonSchemaToTs } from '@fastify/type-provider-json-schema-to-ts'

const schema = {
  operationId: 'sum',
  summary: 'Add numbers',
  body: {
    type: 'object',
    properties: { numbers: { type: 'array', items: { type: 'number', minimum: -1e9, maximum: 1e9 }, maxItems: 100 } },
    required: ['numbers'],
    additionalProperties: false
  },
  response: {
    200: {
      description: 'The sum',
      type: 'object',
      properties: { sum: { type: 'number' } },
      required: ['sum'],
      additionalProperties: false
    }
  }
} as const

const sum: FastifyPluginAsyncJsonSchemaToTs = async (app) => {
  app.post('/sum', { schema }, async ({ body }) => ({ sum: body.numbers.reduce((total, n) => total + n, 0) }))
}

export default sum
`

const line = '  await app.register(sumRoutes)\n'

const test = `import t from 'tap'
import { build } from '../helper.ts'

t.test('POST /sum adds numbers', async (t) => {
  const { app } = await build(t)
  const reply = await app.inject({ method: 'POST', url: '/sum', payload: { numbers: [1, 2, 3] } })
  t.strictSame(reply.json(), { sum: 6 })
  const large = await app.inject({ method: 'POST', url: '/sum', payload: { numbers: [1e308, 1e308] } })
  t.equal(large.statusCode, 400, 'their sum is no JSON number')
})
`

/** `src/app.ts` without the route, if it has it already. */
const before = app.replace(/^import sumRoutes .*\n/m, '').replace(line, '')

/** The code that adds a route to the service: its file, its line in `src/app.ts`, its test. */
export const additions = [route, line, test]

/** The files after the route was added, by name. */
export const addedRoute = {
  'src/app.ts': `import sumRoutes from './routes/sum.ts'\n${before.replace(/^}/m, `${line}}`)}`,
  'src/routes/sum.ts': route,
  'test/routes/sum.test.ts': test
}
