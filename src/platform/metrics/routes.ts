import type { FastifyInstance } from 'fastify'

const options = { schema: { hide: true }, config: { operational: true } }

/** `/metrics`: the counters of `service` in Prometheus' text format. */
export default async function metrics(app: FastifyInstance, { service = app }: { service?: FastifyInstance }) {
  app.get('/metrics', options, async (_request, reply) => {
    const { contentType } = await service.metrics.registry()
    return reply.type(contentType).send(await service.metrics.text())
  })
}
