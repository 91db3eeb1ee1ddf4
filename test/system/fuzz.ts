// Sends the built service requests made from its document, right and wrong ones, and holds every reply against it:
//   npm run build && npm run test:fuzz -- --runs 10000 --seed 1
import assert from 'node:assert/strict'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { start } from '../platform/helper.ts'
import { type Attempt, type OpenApi, operationsOf, requestsFor } from './fuzz-requests.ts'

type Reply = { status: number; headers: IncomingHttpHeaders; body: string }

const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } })
const runs = Number(values.runs ?? 10_000)
const seed = Number(values.seed ?? Date.now() & 0x7fffffff)
/** What any request may get, whatever it was meant for. */
const refusals = [400, 404, 405, 408, 413, 414, 415, 431]
/** What the framework answers before a handler runs; the other statuses of an operation are its handler's own. */
const framework = refusals.filter((status) => status !== 404)

const teardowns: (() => unknown)[] = []
const items = new URL('../platform/service/items.mjs', import.meta.url).href
const service = await start(
  { teardown: (fn) => teardowns.push(fn) },
  { OVERLOAD_DELAY_MS: '0' },
  { args: ['--import', items] }
)
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

async function send({ method, target, headers, body }: Pick<Attempt, 'method' | 'target' | 'headers' | 'body'>) {
  const { hostname, port } = new URL(service.url)
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) } // Node sets none for GET
  return new Promise<Reply>((resolve, reject) => {
    request({ hostname, port, agent, method, path: target, headers: { ...headers, ...length } })
      .on('error', reject)
      .on('response', (response) => {
        const { statusCode: status = 0, headers } = response
        text(response).then((body) => resolve({ status, headers, body }), reject)
      })
      .end(body)
  })
}

const document: OpenApi = JSON.parse((await send({ method: 'GET', target: '/openapi.json', headers: {} })).body)
const operations = operationsOf(document)
const ajv = new Ajv2020({ strict: false, formats: { 'uri-reference': true } }).addSchema(document, 'document')
const counts = new Map<string, number>()

/** The body must be of a media type that `pointer`, a response in the document, lists, and match its schema. */
function checkBody({ headers, body }: Reply, content: Record<string, unknown>, pointer: string) {
  const type = headers['content-type']?.split(';')[0] ?? ''
  assert.ok(type in content, `undocumented content type ${type}`)
  const escaped = type.replace('/', '~1')
  const validate = ajv.getSchema(`document#${pointer}/${escaped}/schema`)
  assert.ok(validate, pointer)
  assert.ok(validate(JSON.parse(body)), `the body does not match: ${ajv.errorsText(validate.errors)}`)
}

function check({ operation, expected, method }: Attempt, reply: Reply) {
  const { status, headers, body } = reply
  const name = operation ?? 'elsewhere'
  counts.set(`${name} ${status}`, (counts.get(`${name} ${status}`) ?? 0) + 1)
  assert.ok(status < 500, 'the service failed')

  const documented = operations.get(name)?.responses
  if (method === 'HEAD') assert.equal(body, '')
  else if (documented && expected !== 'method not allowed') {
    const response = documented[status]
    assert.ok(response, 'undocumented status')
    const pointer = name.replace(/^(\w+) (.*)$/, (_match, method, path) => {
      const key = encodeURIComponent(path.replaceAll('/', '~1'))
      return `/paths/${key}/${method.toLowerCase()}/responses/${status}/content`
    })
    if (response.content) checkBody(reply, response.content, pointer)
    else assert.equal(body, '')
  } else {
    assert.ok(refusals.includes(status), 'an answer to what is not in the document')
    const type = headers['content-type']
    assert.equal(type, 'application/problem+json')
    assert.ok(ajv.validate('document#/components/schemas/Problem', JSON.parse(body)), ajv.errorsText())
  }

  if (expected === 'accepted') assert.ok(!framework.includes(status), 'the document allows this request')
  if (expected === 'refused') assert.ok(status >= 400, 'the document does not allow this request')
  if (expected === 'method not allowed') {
    assert.equal(status, 405)
    const path = operation?.split(' ')[1] ?? ''
    const allowed = Object.keys(document.paths[path] ?? {}).map((method) => method.toUpperCase())
    const withHead = allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed
    assert.deepEqual(headers.allow?.split(', ').sort(), withHead.sort())
  }
}

/** What a run of some size must have met; otherwise it tests less than it says. */
function unmet() {
  const own = [...operations].flatMap(([name, { responses }]) => [
    `${name} ${Object.keys(responses).find((status) => status < '300')}`,
    `${name} 400`
  ])
  const everywhere = ['404', '405', '413', '414', '415', '431']
  const seen = [...counts.keys()]
  return [
    ...own.filter((key) => !counts.has(key)),
    ...everywhere.filter((status) => !seen.some((key) => key.endsWith(status)))
  ]
}

console.log(`${runs} requests, seed ${seed}`)
try {
  const property = fc.asyncProperty(requestsFor(document), async (attempt) => {
    const reply = await send(attempt)
    try {
      check(attempt, reply)
    } catch (error) {
      throw new Error(`answered ${JSON.stringify(reply)}`, { cause: error })
    }
  })
  await fc.assert(property, { numRuns: runs, seed, endOnFailure: false })
  for (const [key, count] of [...counts].sort()) console.log(`${String(count).padStart(6)}  ${key}`)
  const missed = runs < 1000 ? [] : unmet()
  if (missed.length > 0) throw new Error(`never met: ${missed.join(', ')}`)
  console.log(`ok: every reply is as documented`)
} catch (error) {
  console.error(error) // with its cause, the rule that was broken
  process.exitCode = 1
} finally {
  agent.destroy()
  for (const teardown of teardowns.reverse()) await teardown()
}
