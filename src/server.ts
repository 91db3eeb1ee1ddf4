import './platform/process/source-maps.ts'
import { buildAdmin, buildApp } from './app.ts'
import { loadConfig, schema } from './config.ts'
import { createLogger, LogDestination } from './platform/logging/logger.ts'
import { ConfigError } from './platform/config/faults.ts'
import { secretValues } from './platform/config/secrets.ts'
import { run } from './platform/process/run.ts'

const output = new LogDestination(process.stdout)
const secrets: string[] = []
await run({
  output,
  ConfigError,
  loadConfig(env) {
    const warnings: string[] = []
    const config = loadConfig(env, (warning) => warnings.push(warning))
    secrets.push(...secretValues(schema.properties, config))
    return { config, warnings }
  },
  createLogger: (level) => createLogger(level, output, secrets),
  async build(config, log) {
    const app = await buildApp(config, log, output)
    return { app, admin: config.ADMIN_PORT === undefined ? undefined : await buildAdmin(app) }
  }
})
