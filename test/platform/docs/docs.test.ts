import fs, { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { build, exchange, start, until } from '../helper.ts'
import { failOnce } from './fail-once.ts'

const root = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
const documentOf = async (app: FastifyInstance) => (await app.inject('/openapi.json')).json()

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

type Schema = { properties?: Record<string, unknown>; $ref?: string }
const schemaOf = ({ paths }: { paths: Record<string, Record<string, Operation>> }, path: string) =>
  paths[path]?.get?.responses[200]?.content['application/json']?.schema
type Operation = { responses: Record<string, { content: Record<string, { schema: Schema }> }> }

t.test('schemas with one $id in different scopes stay apart, with the schemas that refer to them', async (t) => {
  const list = { $id: 'List', type: 'array', items: { $ref: 'Item#' } }
  const same = { $id: 'Same', type: 'object', properties: { id: { type: 'integer' } } }
  const item = (name: string) => ({ $id: 'Item', type: 'object', properties: { [name]: { type: 'string' } } })
  const scope = (prefix: string, method: string) => async (app: FastifyInstance) => {
    app.addSchema(item(prefix)).addSchema(list).addSchema(same)
    const respondWith = (ref: string) => ({ schema: { response: { 200: { description: 'OK', $ref: `${ref}#` } } } })
    app.get(`/${prefix}/item`, respondWith('Item'), () => ({}))
    app.get(`/${prefix}/list`, respondWith('List'), () => [])
    app.get(`/${prefix}/same`, respondWith('Same'), () => ({}))
    app.route({ method, url: '/shared', schema: { response: { 200: { $ref: 'Item#' } } }, handler: () => ({}) })
  }
  const { app } = await build(t, {}, (app) => {
    app.register(scope('users', 'GET')).register(scope('orders', 'PUT')).register(scope('carts', 'POST'))
  })
  const document = await documentOf(app)
  const { schemas } = document.components
  const resolve = (schema: Schema | undefined) => schemas[String(schema?.$ref?.split('/')[3])]
  for (const prefix of ['users', 'orders', 'carts']) {
    t.strictSame(Object.keys(resolve(schemaOf(document, `/${prefix}/item`)).properties), [prefix])
    t.strictSame(Object.keys(resolve(resolve(schemaOf(document, `/${prefix}/list`)).items).properties), [prefix])
  }
  t.strictSame(Object.keys(schemas).sort(), ['Item', 'Item-2', 'Item-3', 'List', 'List-2', 'List-3', 'Problem', 'Same'])
  t.strictSame(Object.keys(document.paths['/shared']).sort(), ['get', 'post', 'put'])
})

t.test('a schema called Problem does not replace that of the errors', async (t) => {
  const { app } = await build(t, {}, (app) => {
    app.addSchema({ $id: 'Problem', type: 'object', properties: { own: { type: 'string' } } })
    app.get('/own', { schema: { response: { 200: { description: 'OK', $ref: 'Problem#' } } } }, () => ({}))
  })
  const document = await documentOf(app)
  t.ok(document.components.schemas.Problem.properties.requestId)
  t.strictSame(schemaOf(document, '/own'), { $ref: '#/components/schemas/Problem-2' })
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

t.test('a browser keeps the files of the page and only asks whether they are current', async (t) => {
  const { app } = await build(t)
  const url = '/docs/static/swagger-ui-bundle.js'
  const { headers, body } = await app.inject(url)
  t.match(headers, { 'cache-control': 'public, max-age=0', 'content-type': 'application/javascript; charset=utf-8' })
  t.equal(Number(headers['content-length']), Buffer.byteLength(body))
  const same = await app.inject({ url, headers: { 'if-none-match': String(headers.etag) } })
  t.strictSame([same.statusCode, same.body, same.headers.etag], [304, '', headers.etag])
  const other = await app.inject({ url, headers: { 'if-match': '"other"' } })
  t.match(other.json(), { status: 412 })
})

t.test('HEAD has the headers of GET and no body', async (t) => {
  const { app } = await build(t)
  const urls = ['/docs', '/docs/', '/docs/initializer.js', '/docs/static/swagger-ui.css', '/openapi.json']
  for (const url of urls) {
    const get = await app.inject(url)
    const head = await app.inject({ method: 'HEAD', url })
    t.strictSame([get.statusCode, head.statusCode, head.body], [200, 200, ''], url)
    for (const name of ['content-type', 'content-length', 'etag', 'content-security-policy'])
      t.equal(head.headers[name], get.headers[name], `${name} of ${url}`)
  }
})

t.test('the page reads /openapi.json, and has every file that it names', async (t) => {
  const { app } = await build(t)
  for (const page of ['/docs', '/docs/']) {
    const { body, headers } = await app.inject(page)
    t.equal(headers['content-type'], 'text/html; charset=utf-8')
    const files = [...body.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, url = '']) => url)
    t.equal(files.length, 5)
    for (const url of files) t.equal((await app.inject(url)).statusCode, 200, url)
  }
  const { body } = await app.inject('/docs/initializer.js')
  t.match(body, "url: '/openapi.json'")
  for (const url of ['/docs/json', '/docs/yaml']) t.equal((await app.inject(url)).statusCode, 404, url)
})

t.test('nothing outside the folder of the page is sent', async (t) => {
  const { app } = await build(t)
  const url = await app.listen()
  const up = ['..', '%2e%2e', '..%2f..', '%2e%2e%2f%2e%2e', '..%5c..', '....', '.', '%252e%252e', '', '%00', '/etc']
  for (const path of up) {
    for (const target of [`/docs/static/${path}`, `/docs/static/${path}/package.json`]) {
      const reply = await exchange(url, `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
      t.match(reply, /^HTTP\/1\.1 (400|403|404) .*content-type: application\/problem\+json.*"requestId"/s, target)
    }
  }
})

t.test('a file that cannot be read is a problem, and the log says why', async (t) => {
  const { app, lines } = await build(t)
  const error = Object.assign(new Error('too many open files'), { code: 'EMFILE' })
  t.intercept(fs, 'stat', { value: (_path: string, done: (error: Error) => void) => done(error) })
  const reply = await app.inject('/docs/static/swagger-ui.css')
  t.match(reply.json(), { status: 500 })
  t.match((await lines()).at(-1), { statusCode: 500, err: { message: 'too many open files' } })
})

t.test('a package that failed to load is loaded again by the next request', async (t) => {
  for (const [name, url] of [
    ['@fastify/swagger', '/openapi.json'],
    ['@fastify/send', '/docs/static/swagger-ui.css']
  ] as const) {
    const { app, lines } = await build(t)
    failOnce(t, name)
    t.match((await app.inject(url)).json(), { status: 500 }, url)
    t.match((await lines()).at(-1), { statusCode: 500, err: { message: 'canary' } })
    t.equal((await app.inject(url)).statusCode, 200, url)
  }
})

t.test('a schema that cannot be documented is a 500 with its cause in the log', async (t) => {
  const { app, lines } = await build(t, {}, (app) => {
    const schema = { querystring: { $ref: 'nowhere#' } }
    app.get('/broken', { schema, validatorCompiler: () => () => true }, () => 'text')
  })
  for (let attempt = 1; attempt <= 2; attempt++) {
    t.match((await app.inject('/openapi.json')).json(), { status: 500 })
    t.match((await lines()).at(-1), { statusCode: 500, err: { stack: /swagger/ } })
  }
  t.equal((await app.inject('/docs')).statusCode, 200)
})

t.test('DOCS=false: there is neither page nor document', async (t) => {
  const { app } = await build(t, { DOCS: 'false' })
  for (const url of ['/openapi.json', '/docs', '/docs/', '/docs/initializer.js', '/docs/static/swagger-ui.css']) {
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
    loaded.push([...new Set(names.match(/@fastify\/(swagger|static|send)[\w-]*/g))].sort())
  }
  return loaded
}

t.test('the packages behind them are loaded when they are asked for', async (t) => {
  const file = '/docs/static/swagger-ui.css'
  const [before, page, afterFile, afterDocument] = await loadedPackages(t, '/', '/docs', file, '/openapi.json')
  t.strictSame(before, [])
  t.strictSame(page, [])
  t.strictSame(afterFile, ['@fastify/send'])
  t.strictSame(afterDocument, ['@fastify/send', '@fastify/swagger'])
})

t.test('what the page does not have is a problem like all others', async (t) => {
  const { app } = await build(t)
  const reply = await app.inject('/docs/nothing')
  t.equal(reply.statusCode, 404)
  t.match(reply.json(), { status: 404, requestId: /./ })
})
