import type { FastifyInstance } from 'fastify'

const options = { schema: { hide: true }, config: { operational: true } }

/** `/metrics`, the registry of `service` in Prometheus' text format. */
export default async function metrics(app: FastifyInstance, { service = app }: { service?: FastifyInstance }) {
  app.get('/metrics', options, async (_request, reply) => {
    const registry = await service.metrics.registry()
    reply.type(registry.contentType)
    return registry.metrics()
  })
}
