import { run } from '#src/platform/index'
import { schema } from './config.mjs'

await run({ schema, service: () => import('./app.mjs') })
