import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { schema } from '#src/config'
import { addedRoute, additions } from './added-route.ts'
import { directory } from './helper.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (name: string) => readFileSync(join(root, name), 'utf8')
const run = promisify(execFile)

const properties = Object.entries(schema.properties).map(([name, property]) => {
  return [name, 'default' in property ? String(property.default) : ''] as const
})

t.test('docs/configuration.md has every variable with its default', async (t) => {
  const rows = [...read('docs/configuration.md').matchAll(/^\| `([A-Z_]+)` \| ([^|]*)\| /gm)].map(
    ([, name, value = '']) => [name, value.trim()]
  )
  t.strictSame(rows, properties)
})

t.test('.env.example has every variable with its default and a line on it', async (t) => {
  const lines = read('.env.example')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line))
  t.strictSame(
    lines.map((line) => /^(\w+)=(\S*) +# \S/.exec(line)?.slice(1)),
    properties
  )
})

t.test('every npm script that the README, CONTRIBUTING and CI name exists', async (t) => {
  const { scripts } = JSON.parse(read('package.json'))
  const texts = ['README.md', 'CONTRIBUTING.md', '.ci/run', '.github/workflows/ci.yml'].map(read).join('\n')
  const named = [...texts.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name)
  t.ok(named.length > 5)
  for (const name of named) t.ok(scripts[name], name)
})

t.test('every file that the README, CONTRIBUTING and the benchmark link to exists', async (t) => {
  for (const name of ['README.md', 'CONTRIBUTING.md', 'bench/README.md']) {
    for (const [, path = ''] of read(name).matchAll(/\]\((?!http)([^)#]+)/g)) {
      t.ok(existsSync(join(root, name, '..', path)), path)
    }
  }
})

t.test('the README adds the route that the next test adds', async (t) => {
  const code = [...read('README.md').matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code)
  t.strictSame(
    code.filter((code) => code.includes('sum') && !additions.includes(code)),
    []
  )
})

t.test('a route that is added passes its test', async (t) => {
  const copy = directory(t)
  for (const name of ['src', 'test/helper.ts', 'test/platform/harness.ts', 'test/typescript.mjs']) {
    cpSync(join(root, name), join(copy, name), { recursive: true })
  }
  for (const name of ['src/routes', 'test/routes']) mkdirSync(join(copy, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const manifest = { ...JSON.parse(read('package.json')), imports: { '#src/*': './src/*.ts' } }
  const files = { ...addedRoute, 'package.json': JSON.stringify(manifest) }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(copy, name), text)
  const args = ['--import', './test/typescript.mjs', 'test/routes/sum.test.ts']
  const passed = await run(process.execPath, args, { cwd: copy, env: {} })
  t.match(passed.stdout, /ok 1 - POST \/sum adds numbers/)
})
