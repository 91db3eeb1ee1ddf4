import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { edges, violations } from './border.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const paths = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts')
)
const src = Object.fromEntries(
  paths.map((path) => [`src/${path.replaceAll('\\', '/')}`, readFileSync(join(root, 'src', path), 'utf8')])
)

t.test('src keeps the border of the platform and its floors, and has no import circle', async (t) => {
  t.strictSame(violations(src), [])
})

t.test('every import of src is resolved', async (t) => {
  const all = edges(src)
  t.ok(all.length > 50)
  for (const { from, to } of all) t.ok(to in src, `${from} imports ${to}`)
})

const planted: [what: string, files: Record<string, string>, violations: string[]][] = [
  [
    'a platform file imports the config of the service',
    { 'src/platform/http/a.ts': "import { schema } from '../../config.ts'" },
    ['src/platform/http/a.ts imports src/config.ts']
  ],
  [
    'a platform file imports a type of a route through the alias',
    { 'src/platform/http/a.ts': "import type { Hello } from '#src/routes/hello'" },
    ['src/platform/http/a.ts imports src/routes/hello.ts']
  ],
  [
    'a route imports a platform file that is not the door',
    { 'src/routes/a.ts': "import type { Problem } from '../platform/problem/problem-schema.ts'" },
    ['src/routes/a.ts imports src/platform/problem/problem-schema.ts']
  ],
  [
    'a plugin imports a platform file dynamically',
    { 'src/plugins/a.ts': "await import('../platform/platform.ts')" },
    ['src/plugins/a.ts imports src/platform/platform.ts']
  ],
  [
    'the server imports another platform file than the source maps',
    { 'src/server.ts': "import './platform/process/source-maps.ts'\nimport './platform/process/run.ts'" },
    ['src/server.ts imports src/platform/process/run.ts']
  ],
  [
    'a lower floor imports a higher one',
    { 'src/platform/http/a.ts': "import type { A } from '../errors/a.ts'" },
    ['src/platform/http/a.ts imports src/platform/errors/a.ts from above']
  ],
  [
    'a floor re-exports from a higher one',
    { 'src/platform/config/a.ts': "export { a } from '../platform.ts'" },
    ['src/platform/config/a.ts imports src/platform/platform.ts from above']
  ],
  [
    'a part of the platform imports the door',
    { 'src/platform/platform.ts': "import { run } from './index.ts'" },
    ['src/platform/platform.ts imports src/platform/index.ts from above']
  ],
  [
    'a folder has no floor',
    { 'src/platform/http/a.ts': "import { a } from '../utils/a.ts'" },
    ['src/platform/http/a.ts imports src/platform/utils/a.ts from above']
  ],
  [
    'files import each other',
    {
      'src/routes/a.ts': "import './b.ts'",
      'src/routes/b.ts': "import type { C } from './c.ts'",
      'src/routes/c.ts': "export * from './a.ts'"
    },
    ['circle: src/routes/a.ts -> src/routes/b.ts -> src/routes/c.ts -> src/routes/a.ts']
  ],
  [
    'a route reads the environment',
    { 'src/routes/a.ts': 'export const a = process.env.A' },
    ['src/routes/a.ts uses process.env']
  ],
  [
    'a route handles a signal, ends the process, and listens',
    { 'src/routes/a.ts': "process.on('SIGTERM', () => process.exit(1))\nawait app.listen({ port: 1 })" },
    ['src/routes/a.ts uses process.on', 'src/routes/a.ts uses process.exit', 'src/routes/a.ts uses listen()']
  ],
  [
    'a platform file imports the process module',
    { 'src/platform/http/a.ts': "import { env } from 'node:process'" },
    ["src/platform/http/a.ts uses 'node:process'"]
  ]
]

for (const [what, files, expected] of planted) {
  t.test(`it is a violation that ${what}`, async (t) => t.strictSame(violations(files), expected))
}

t.test('these are no violations', async (t) => {
  const files = {
    'src/server.ts': "import './platform/process/source-maps.ts'\nimport { run } from './platform/index.ts'",
    'src/routes/a.ts': "// process.env\nimport fastify from 'fastify'\nimport { platform } from '../platform/index.ts'",
    'src/platform/process/a.ts': "import '../config/a.ts'\nprocess.on('exit', () => app.listen(process.env.PORT))",
    'src/platform/docs/a.ts': "import './b.ts'\nimport '../problem/problem.ts'\nprocess.uptime()"
  }
  t.strictSame(violations(files), [])
})
