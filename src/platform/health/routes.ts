import type { FastifyInstance } from 'fastify'
import { sendProblem } from '../problem/problem.ts'

const schema = {
  hide: true,
  response: {
    200: {
      type: 'object',
      properties: { status: { type: 'string' } },
      required: ['status'],
      additionalProperties: false
    }
  }
} as const
const options = { schema, config: { operational: true } }

/**
 * `/livez` answers while the process can answer at all, and asks nothing else: liveness that asked a database would turn
 * its outage into a storm of restarts. `/readyz` says whether `service` wants requests, and why not.
 */
export default async function health(app: FastifyInstance, { service = app }: { service?: FastifyInstance }) {
  app.get('/livez', options, () => ({ status: 'alive' }))
  app.get('/readyz', options, (_request, reply) => {
    const status = service.phase
    return status === 'ready' ? { status } : sendProblem(reply, 503, { detail: `The service is ${status}.` })
  })
}
