import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { schema } from './config.ts'
import { type PlatformOptions, platform } from './platform/index.ts'
import helloRoutes from './routes/hello.ts'

/** The service: the platform, then its own plugins, then its routes. */
const app = async (app: FastifyInstance, options: Partial<PlatformOptions>) => {
  await app.register(platform, { ...options, schema })

  await app.register(helloRoutes)
}

export default fp(app, { name: 'app' })
