// The official plug-ins for what this service does, as their READMEs register them.
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import underPressure from '@fastify/under-pressure'
import { fastify } from 'fastify'
import metrics from 'fastify-metrics'

const app = fastify({ logger: true })
await app.register(helmet)
await app.register(cors, { origin: 'https://app.example.com' })
await app.register(underPressure, { maxEventLoopDelay: 1000, exposeStatusRoute: '/readyz' })
await app.register(metrics.default, { endpoint: '/metrics' })
await app.register(swagger, { openapi: {} })
await app.register(swaggerUi, { routePrefix: '/docs' })

const schema = {
  querystring: { type: 'object', properties: { name: { type: 'string', minLength: 1, maxLength: 64 } } },
  response: { 200: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] } }
}
app.get('/', { schema }, async ({ query }) => ({ message: `Hello, ${query.name ?? 'World'}!` }))
await app.listen({ port: Number(process.env.PORT) })
