import { fastify } from 'fastify'

const app = fastify({ logger: true })
app.get('/', async () => ({ message: 'Hello, World!' }))
await app.listen({ port: Number(process.env.PORT) })
