import fp from 'fastify-plugin'
import { platform } from '#src/platform/index'
import { schema } from './config.mjs'
import greet from './greet.mjs'

/** The service that the tests of the platform run. It has one sound route; tests add those that they need. */
const app = async (app, options) => {
  await app.register(platform, { ...options, schema })
  await app.register(greet)
}

export default fp(app, { name: 'app' })
