import type { FastifyPluginAsyncJsonSchemaToTs } from '@fastify/type-provider-json-schema-to-ts'

const schema = {
  operationId: 'hello',
  summary: 'Say hello',
  description: 'Greets the world, or whom `name` names.',
  querystring: {
    type: 'object',
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 64, description: 'Whom to greet', examples: ['Ada'] }
    }
  },
  response: {
    200: {
      description: 'The greeting',
      type: 'object',
      properties: { message: { type: 'string', examples: ['Hello, World!'] } },
      required: ['message'],
      additionalProperties: false
    }
  }
} as const

const hello: FastifyPluginAsyncJsonSchemaToTs = async (app) => {
  app.get('/', { schema }, async ({ query }) => ({ message: `Hello, ${query.name ?? 'World'}!` }))
}

export default hello
