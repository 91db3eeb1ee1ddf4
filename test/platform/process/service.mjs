// Runs a service that is as small as `run` allows. FAULT says what its parts do wrong.
import fp from 'fastify-plugin'
import { platform, run } from '#src/platform/index'
import { schema } from '../service/config.mjs'

const { FAULT } = process.env

async function service(app, options) {
  await app.register(platform, { ...options, schema })
  if (FAULT === 'plugin') throw new Error('canary')
  if (FAULT === 'rejection') Promise.reject()
}

await run({
  get schema() {
    if (FAULT === 'signal') process.emit('SIGTERM') // it comes before the environment is read
    return schema
  },
  async service() {
    if (FAULT === 'import') throw new Error('canary')
    return { default: fp(service) }
  }
})
