import './platform/process/source-maps.ts'
import { schema } from './config.ts'
import { run } from './platform/index.ts'

await run({ schema, service: () => import('./app.ts') })
