import './platform/process/source-maps.ts'
import { buildAdmin, buildApp } from './app.ts'
import { ConfigError, loadConfig } from './config.ts'
import { createLogger, LogDestination } from './log.ts'
import { run } from './platform/process/run.ts'

const output = new LogDestination(process.stdout)
await run({
  output,
  ConfigError,
  loadConfig: (env) => ({ config: loadConfig(env), warnings: [] }),
  createLogger: (level) => createLogger(level, output),
  async build(config, log) {
    const app = await buildApp(config, log, output)
    return { app, admin: config.ADMIN_PORT === undefined ? undefined : await buildAdmin(app) }
  }
})
