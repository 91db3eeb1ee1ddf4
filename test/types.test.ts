import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import openapiTypes, { astToString, COMMENT_HEADER } from 'openapi-typescript'
import t from 'tap'
import ts from 'typescript'
import { addedRoute } from './added-route.ts'
import { build } from './platform/helper.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (name: string) => readFileSync(join(root, name), 'utf8')
const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, root)

/** What the compiler says of each of the files `texts`, which stand in for those of the same names or are new. */
function faults(texts: Readonly<Record<string, string>>): Record<string, string> {
  const contents = new Map(Object.entries(texts).map(([name, text]) => [join(root, name), text]))
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists } = host
  host.readFile = (path) => contents.get(path) ?? readFile(path)
  host.fileExists = (path) => contents.has(path) || fileExists(path)
  const program = ts.createProgram([...contents.keys()], options, host)
  const faultsOf = (name: string) => {
    const file = program.getSourceFile(join(root, name))
    const diagnostics = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')).join('\n')
  }
  return Object.fromEntries(Object.keys(texts).map((name) => [name, faultsOf(name)]))
}

/** What `npm run client` makes of `document`. */
const typesOf = async (document: string) => COMMENT_HEADER + astToString(await openapiTypes(document))

t.test('the committed types are those of the committed document', async (t) => {
  const schema = read('client/schema.ts')
  const input = await typesOf(read('openapi.json'))
  const args = ['format', '--stdin-file-path=client/schema.ts']
  const types = execFileSync(join(root, 'node_modules/.bin/biome'), args, { input, cwd: root, encoding: 'utf8' })
  t.equal(schema, types, 'npm run openapi && npm run client renews them')
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

t.test('right code compiles, wrong code does not', async (t) => {
  const item = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] }
  const { app } = await build(t, {}, (app) => {
    app.put('/items/:id', { schema: { body: item, response: { 200: item } } }, ({ body }) => body)
  })
  const example = (code: string) => `import { createClient } from './client.ts'\n${code}`
  const found = faults({
    ...addedRoute,
    'src/routes/wrong-reply.ts': addedRoute['src/routes/sum.ts'].replace('({ sum:', '({ total:'),
    'src/routes/wrong-body.ts': addedRoute['src/routes/sum.ts'].replace('body.numbers', 'body.numbers.nope'),
    'client/schema.ts': await typesOf((await app.inject('/openapi.json')).body),
    'client/right.ts': example(right),
    'client/new-route.ts': example(newRoute),
    ...Object.fromEntries(wrong.map(([what, code]) => [`client/${what}.ts`, example(code)]))
  })
  const { 'src/routes/wrong-reply.ts': reply, 'src/routes/wrong-body.ts': body, ...others } = found
  t.match(reply, /'{ total: number; }' is not assignable/, 'a reply of another shape')
  t.match(body, /'nope' does not exist/, 'a body of another type')
  for (const name of [...Object.keys(addedRoute), 'client/schema.ts', 'client/right.ts', 'client/new-route.ts']) {
    t.equal(others[name], '', name)
  }
  for (const [what, , fault] of wrong) t.match(others[`client/${what}.ts`], fault, what)
})
