import type { FastifyInstance } from 'fastify'

const options = { schema: { hide: true }, config: { operational: true } }

/** `/metrics`, what `service` counts in Prometheus' text format. */
export default async function metrics(app: FastifyInstance, { service = app }: { service?: FastifyInstance }) {
  app.get('/metrics', options, async (_request, reply) => {
    const registry = await service.metrics.registry()
    reply.type(registry.contentType)
    return `${await registry.metrics()}\n${service.metrics.requestDuration.text()}`
  })
}
