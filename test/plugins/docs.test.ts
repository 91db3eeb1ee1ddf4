import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { build, start, until } from '../helper.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
const documentOf = async (app: FastifyInstance) => (await app.inject('/openapi.json')).json()

t.test('the committed document is the one that the service serves', async (t) => {
  const { app } = await build(t)
  const biome = fileURLToPath(new URL('node_modules/.bin/biome', root))
  const input = (await app.inject('/openapi.json')).body
  const served = execFileSync(biome, ['format', '--stdin-file-path=openapi.json'], { input, cwd: root })
  t.equal(read('openapi.json'), served.toString(), 'npm run openapi && npm run client renews it')
})

t.test('the document has the public routes only, and no HEAD', async (t) => {
  const { app } = await build(t)
  const { openapi, info, paths, components } = await documentOf(app)
  const { name, version } = JSON.parse(read('package.json'))
  t.match(openapi, /^3\.1\./)
  t.match(info, { title: name, version })
  for (const path of Object.keys(paths)) t.notMatch(path, /^\/(livez|readyz|metrics|docs|openapi)/)
  t.strictSame(Object.keys(paths['/']), ['get'])
  t.strictSame(Object.keys(components.schemas), ['Problem'])
})

t.test('an operation has its parameters, with example and description, and every status', async (t) => {
  const { app } = await build(t)
  const { get } = (await documentOf(app)).paths['/']
  t.match(get.parameters, [
    {
      name: 'name',
      in: 'query',
      required: false,
      description: /./,
      example: 'Ada',
      schema: { minLength: 1, maxLength: 64 }
    }
  ])
  const { 200: ok, ...problems } = get.responses
  t.match(ok.content['application/json'].schema.properties, { message: { type: 'string' } })
  t.strictSame(Object.keys(problems), ['400', '408', '431', '500', '503'])
  for (const { description, content } of Object.values<Record<string, unknown>>(problems)) {
    t.match(description, /./)
    t.strictSame(content, problem)
  }
})

t.test('a new route is in the document with the statuses that its kind can answer with', async (t) => {
  const { app } = await build(t, {}, (app) => {
    app.addSchema({ $id: 'Item', type: 'object', properties: { name: { type: 'string' } } })
    const schema = { body: { $ref: 'Item#' }, response: { 200: { $ref: 'Item#' } } }
    app.put('/items/:id', { schema, config: { problems: [404] } }, () => {})
    app.post('/items', { schema: { response: { 400: { description: 'Of its own', type: 'null' } } } }, () => {})
    app.get('/files/*', () => 'text')
    app.get('/secret', { schema: { hide: true } }, () => 'text')
  })
  const { paths, components } = await documentOf(app)
  const statuses = (path: string, method: string) => Object.keys(paths[path][method].responses)
  for (const path of ['/', '/files/{*}', '/items', '/items/{id}']) t.ok(paths[path], path)
  t.equal(paths['/secret'], undefined)
  t.strictSame(statuses('/items/{id}', 'put'), ['200', '400', '404', '408', '413', '414', '415', '431', '500', '503'])
  t.strictSame(paths['/items/{id}'].put.responses[404].content, problem)
  t.strictSame(statuses('/items', 'post'), ['400', '408', '413', '415', '431', '500', '503'])
  t.equal(paths['/items'].post.responses[400].description, 'Of its own', 'what a route says itself stands')
  t.strictSame(statuses('/files/{*}', 'get'), ['400', '408', '414', '431', '500', '503'])
  t.strictSame(Object.keys(components.schemas).sort(), ['Item', 'Problem'], 'schemas keep their names')
})

t.test('problems are what the document says they are', async (t) => {
  const { app } = await build(t, {}, (app) => {
    app.get('/throws', () => {
      throw null
    })
  })
  const { components } = await documentOf(app)
  const validate = new Ajv2020({ formats: { 'uri-reference': true } }).compile(components.schemas.Problem)
  for (const url of ['/?name=', '/nowhere', '/%', '/throws']) {
    t.ok(validate((await app.inject(url)).json()), url)
  }
  t.notOk(validate({ error: 'Not Found' }))
})

t.test('the page and its assets have a policy of their own, everything else has the strict one', async (t) => {
  const { app } = await build(t)
  const policy = async (url: string) => String((await app.inject(url)).headers['content-security-policy'])
  for (const url of ['/docs', '/docs/static/swagger-ui-bundle.js']) {
    t.match(await policy(url), /script-src 'self';/)
    t.notMatch(await policy(url), /unsafe|https?:|upgrade/)
  }
  t.equal(await policy('/openapi.json'), await policy('/'))
  t.match(await policy('/'), /^default-src 'none'/)
})

t.test('a browser keeps the assets of the page and only asks whether they are current', async (t) => {
  const { app } = await build(t)
  const url = '/docs/static/swagger-ui-bundle.js'
  const { headers } = await app.inject(url)
  t.equal((await app.inject({ url, headers: { 'if-none-match': headers.etag } })).statusCode, 304)
})

t.test('DOCS=false: there is neither page nor document', async (t) => {
  const { app } = await build(t, { DOCS: 'false' })
  for (const url of ['/openapi.json', '/docs', '/docs/', '/docs/json', '/docs/static/swagger-ui.css']) {
    t.equal((await app.inject(url)).statusCode, 404, url)
  }
})

/** The packages that only the document and the page need, of those the service has loaded after a request to each path. */
async function loadedPackages(t: Test, ...paths: string[]) {
  const report = `import { createRequire } from 'node:module'
    const { cache } = createRequire('/')
    process.on('SIGUSR2', () => console.error(Object.keys(cache).join('\\n') + '\\nend'))`
  const args = ['--import', `data:text/javascript,${encodeURIComponent(report)}`]
  const { child, stderr, url } = await start(t, {}, { args })
  const loaded: string[][] = []
  for (const path of paths) {
    t.equal((await fetch(url + path)).status, 200)
    child.kill('SIGUSR2')
    const reports = () => stderr().split('\nend\n').slice(0, -1)
    await until(() => reports().length > loaded.length)
    const names = String(reports().at(-1))
    t.match(names, 'node_modules/fastify/')
    loaded.push([...new Set(names.match(/@fastify\/(swagger|static)[\w-]*/g))].sort())
  }
  return loaded
}

t.test('the packages behind them are loaded when they are asked for', async (t) => {
  const [before, after] = await loadedPackages(t, '/', '/docs')
  t.strictSame(before, [])
  t.strictSame(after, ['@fastify/static', '@fastify/swagger', '@fastify/swagger-ui'])
})

t.test('what the page does not have is a problem like all others', async (t) => {
  const { app } = await build(t)
  const reply = await app.inject('/docs/nothing')
  t.equal(reply.statusCode, 404)
  t.match(reply.json(), { status: 404, requestId: /./ })
})
