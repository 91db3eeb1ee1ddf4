// Runs a service that is as small as `run` allows; FAULT says what its parts do wrong.
import { fastify } from 'fastify'
import { pino } from 'pino'
import { run } from '#src/platform/process/run'

class ConfigError extends Error {}

await run({
  output: { flushSync() {}, async flushed() {} },
  ConfigError,
  createLogger: (level) => pino({ level, base: null }, pino.destination({ sync: true })),
  loadConfig({ FAULT }) {
    if (FAULT === 'config') throw new ConfigError('PORT must be an integer')
    if (FAULT === 'bug') throw new Error('canary')
    const config = { HOST: 'localhost', PORT: 0, LOG_LEVEL: 'info', DRAIN_DELAY_MS: 0, SHUTDOWN_TIMEOUT_MS: 1000 }
    return { config, warnings: FAULT === 'warnings' ? ['line 1 of .env', 'line 2 of .env'] : [] }
  },
  async build(_config, loggerInstance) {
    const app = fastify({ loggerInstance })
    app.register(async () => {
      if (process.env.FAULT === 'plugin') throw new Error('canary')
      if (process.env.FAULT === 'rejection') Promise.reject()
    })
    return { app: app.decorate('phase', 'ready') }
  }
})
