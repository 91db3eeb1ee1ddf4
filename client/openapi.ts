// Writes openapi.json, the document that the service serves, for the client's types and for those who read it here.
import { writeFileSync } from 'node:fs'
import service from '../src/app.ts'
import { type Config, schema } from '../src/config.ts'
import { loadConfig } from '../src/platform/config/load-config.ts'
import { createApp } from '../src/platform/create-app.ts'
import { LogDestination } from '../src/platform/logging/destination.ts'
import { createLogger } from '../src/platform/logging/logger.ts'

const output = new LogDestination(process.stderr)
const config = loadConfig<typeof schema, Config>(schema, { DOCS: 'true' })
const app = await createApp(service, { config, log: createLogger('warn', output), output })
const { body } = await app.inject('/openapi.json')
writeFileSync(new URL('../openapi.json', import.meta.url), body)
await app.close()
