import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { createClient } from '../client/client.ts'
import { build } from './helper.ts'

const root = new URL('../', import.meta.url)
const path = (name: string) => fileURLToPath(new URL(name, root))

/** What `npm run client` writes for `document`. */
function schemaOf(document: string) {
  const run = (bin: string, args: string[], input: string) =>
    execFileSync(path(`node_modules/.bin/${bin}`), args, { input, cwd: root, encoding: 'utf8' })
  return run('biome', ['format', '--stdin-file-path=client/schema.ts'], run('openapi-typescript', [], document))
}

/** What the compiler says of each of `codes` as a file beside the client, with `schema` as the client's types. */
function faults(codes: string[], schema: string) {
  const config = ts.readConfigFile(path('tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, path('.'))
  const files = codes.map(
    (code, i) => [path(`client/example-${i}.ts`), `import { createClient } from './client.ts'\n${code}`] as const
  )
  const contents = new Map([...files, [path('client/schema.ts'), schema]])
  const host = ts.createCompilerHost(options)
  const { readFile } = host
  host.readFile = (name) => contents.get(name) ?? readFile(name)
  const program = ts.createProgram(
    files.map(([name]) => name),
    options,
    host
  )
  return files.map(([name]) => {
    const diagnostics = ts.getPreEmitDiagnostics(program, program.getSourceFile(name))
    return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')).join('\n')
  })
}

t.test('the committed types are those of the committed document', async (t) => {
  const schema = schemaOf(readFileSync(path('openapi.json'), 'utf8'))
  t.equal(readFileSync(path('client/schema.ts'), 'utf8'), schema, 'npm run openapi && npm run client renews them')
})

t.test('a call gives data, or else the problem', async (t) => {
  const { app } = await build(t)
  const { GET } = createClient(await app.listen())
  const greeting = await GET('/', { params: { query: { name: 'Ada & Grace' } } })
  t.strictSame(greeting.data, { message: 'Hello, Ada & Grace!' })
  t.equal(greeting.error, undefined)
  const refused = await GET('/', { params: { query: { name: '' } } })
  t.equal(refused.data, undefined)
  t.match(refused.error, { status: 400, errors: [{ in: 'query', path: '/name' }] })
})

const right = `
  const { data, error } = await createClient('http://localhost:3000').GET('/', { params: { query: { name: 'Ada' } } })
  export const text: string = error ? error.title : data.message`

const newRoute = `
  const { data } = await createClient('').PUT('/items/{id}', { params: { path: { id: '1' } }, body: { name: 'pen' } })
  export const text: string | undefined = data?.name`

const wrong: [what: string, code: string, fault: RegExp][] = [
  ['a parameter of another name', right.replace('name:', 'nam:'), /'nam' does not exist/],
  ['a parameter of another type', right.replace("'Ada'", '1'), /'number' is not assignable to type 'string'/],
  ['a path that is not there', right.replace("'/'", "'/nowhere'"), /'"\/nowhere"' is not assignable/],
  ['a method that is not there', right.replace('GET', 'POST'), /'"\/"' is not assignable to parameter/],
  ['a field that the reply has not', right.replace('data.message', 'data.text'), /'text' does not exist on type/],
  [
    'a field that the problem has not',
    right.replace('error.title', 'error.message'),
    /'message' does not exist on type/
  ],
  ['a reply used before the error is looked at', right.replace('error ? error.title :', ''), /possibly 'undefined'/],
  ['a body without what it needs', newRoute.replace("name: 'pen'", ''), /'name' is missing/]
]

t.test(
  'right code compiles, for a new route too once the types are generated again, wrong code does not',
  async (t) => {
    const item = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] }
    const { app } = await build(t, {}, (app) => {
      app.put('/items/:id', { schema: { body: item, response: { 200: item } } }, ({ body }) => body)
    })
    const schema = schemaOf((await app.inject('/openapi.json')).body)
    const [none, noneEither, ...found] = faults([right, newRoute, ...wrong.map(([, code]) => code)], schema)
    t.equal(none, '')
    t.equal(noneEither, '')
    wrong.forEach(([what, , fault], i) => {
      t.match(found[i], fault, what)
    })
  }
)
