import { execFile } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { schema } from '../src/config.ts'
import { directory } from './helper.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (name: string) => readFileSync(join(root, name), 'utf8')
const run = promisify(execFile)

const properties = Object.entries(schema.properties).map(([name, property]) => {
  return [name, 'default' in property ? String(property.default) : ''] as const
})

t.test('the table of the README has every variable with its default', async (t) => {
  const rows = [...read('README.md').matchAll(/^\| `([A-Z_]+)` \| ([^|]*)\| /gm)].map(([, name, value = '']) => [
    name,
    value.trim()
  ])
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

t.test('the route that the README adds compiles and passes its test; a wrong handler does not compile', async (t) => {
  const [route = '', line = '', example = ''] = [...read('README.md').matchAll(/```ts\n(.*?)```/gs)].map(
    ([, code]) => code
  )
  const copy = directory(t)
  const write = (name: string, text: string) => writeFileSync(join(copy, name), text)
  for (const name of ['src', 'test/helper.ts', 'test/routes/hello.test.ts', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(copy, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const hello = '  await app.register(helloRoutes)\n'
  write('src/app.ts', `import sumRoutes from './routes/sum.ts'\n${read('src/app.ts').replace(hello, hello + line)}`)
  write('src/routes/sum.ts', route)
  write('test/routes/sum.test.ts', example)
  write('src/routes/wrong-reply.ts', read('src/routes/hello.ts').replace('({ message: `', '({ massage: `'))
  write('src/routes/wrong-query.ts', read('src/routes/hello.ts').replace('query.name', 'query.name.nope'))
  const { stdout } = await run(join(root, 'node_modules/.bin/tsc'), [], { cwd: copy }).catch((error) => error)
  const faulty = [...stdout.matchAll(/^(\S+)\(.*error TS/gm)].map(([, name]) => name)
  t.strictSame([...new Set(faulty)], ['src/routes/wrong-query.ts', 'src/routes/wrong-reply.ts'])
  const passed = await run(process.execPath, ['--import', 'tsx', 'test/routes/sum.test.ts'], { cwd: copy, env: {} })
  t.match(passed.stdout, /ok 1 - POST \/sum adds numbers/)
})
