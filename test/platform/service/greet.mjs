const schema = {
  operationId: 'greet',
  summary: 'Greet',
  description: 'Greets the world, or the person that `name` names.',
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
}

export default async function greet(app) {
  app.get('/', { schema }, async ({ query }) => ({ message: `Hello, ${query.name ?? 'World'}!` }))
}
