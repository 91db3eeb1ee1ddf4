// Writes openapi.json, the document that the service serves, for the client's types and for those who read it here.
import { writeFileSync } from 'node:fs'
import { buildApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { createLogger, LogDestination } from '../src/platform/logging/logger.ts'

const output = new LogDestination(process.stderr)
const app = await buildApp(loadConfig({ DOCS: 'true' }), createLogger('warn', output), output)
const { body } = await app.inject('/openapi.json')
writeFileSync(new URL('../openapi.json', import.meta.url), body)
await app.close()
