import type { FromSchema } from 'json-schema-to-ts'

/** The shape of every error, for the document; `src/problem.ts` imports its type only. */
export const problemSchema = {
  type: 'object',
  description: 'What went wrong, by RFC 9457',
  properties: {
    type: { type: 'string', format: 'uri-reference', description: 'The kind of problem', examples: ['about:blank'] },
    title: { type: 'string', description: 'The status in words', examples: ['Bad Request'] },
    status: { type: 'integer', minimum: 400, maximum: 599, description: 'The status', examples: [400] },
    detail: { type: 'string', description: 'What is wrong here', examples: ['The request does not match its schema.'] },
    requestId: { type: 'string', pattern: '^[\\w-]{1,64}$', description: 'What the log calls the request' },
    code: {
      type: 'string',
      pattern: '^[\\w.:-]{1,64}$',
      description: 'What went wrong, for programs',
      examples: ['ORDER_SHIPPED']
    },
    errors: {
      type: 'array',
      description: 'What does not match the schema of the request',
      items: {
        type: 'object',
        properties: {
          in: { type: 'string', enum: ['query', 'path', 'header', 'body'] },
          path: { type: 'string', description: 'Where in it, as a JSON Pointer', examples: ['/name'] },
          message: { type: 'string', examples: ['must NOT have more than 64 characters'] }
        },
        required: ['in', 'path', 'message'],
        additionalProperties: false
      }
    }
  },
  required: ['type', 'title', 'status', 'detail', 'requestId'],
  additionalProperties: false
} as const

export type Problem = FromSchema<typeof problemSchema>
