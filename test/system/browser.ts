// Uses the docs page and the client in a real browser, at host names that are not localhost:
//   npm run build && npm run test:browser -- --screenshot docs/docs-page.png
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'
import { type BrowserContext, chromium } from 'playwright-core'
import ts from 'typescript'
import { start } from '../platform/helper.ts'

const { values } = parseArgs({ options: { screenshot: { type: 'string' } } })
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const candidates = (process.env.PATH ?? '').split(delimiter).flatMap((path) => names.map((name) => join(path, name)))
const executablePath = process.env.CHROMIUM ?? candidates.find(existsSync)
if (!executablePath || !existsSync(executablePath)) {
  console.error('No Chromium found: install it (apt-get install chromium), or name one with the variable CHROMIUM.')
  process.exit(1)
}

const teardowns: (() => unknown)[] = []
const owner = { teardown: (fn: () => unknown) => teardowns.push(fn) }

/** The origin that the browser knows `url` by. */
const at = (name: string, url: string) => `http://${name}:${new URL(url).port}`

/** What the page must not do: write errors or warnings, break a policy, ask another host than `hosts`. */
async function watch(context: BrowserContext, hosts: string[]) {
  const faults: string[] = []
  await context.exposeFunction('reportViolation', (what: string) => faults.push(`policy: ${what}`))
  await context.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
    reportViolation(event.effectiveDirective + ' ' + event.blockedURI))`)
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`)
  })
  context.on('weberror', (error) => faults.push(`page: ${error.error().message}`))
  context.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    if (protocol !== 'data:' && !hosts.includes(host)) faults.push(`request: ${request.url()}`)
  })
  return faults
}

/** A page on an origin of its own that uses the built client, as a front end would. */
async function serveFrontEnd() {
  const { outputText } = ts.transpileModule(readFileSync(new URL('../../client/client.ts', import.meta.url), 'utf8'), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
  })
  const files: Record<string, [type: string, content: string | Buffer]> = {
    '/': [
      'text/html',
      `<!doctype html><title>Front end</title><link rel="icon" href="data:,">
      <script type="importmap">{ "imports": { "openapi-fetch": "/openapi-fetch.js" } }</script>`
    ],
    '/client.js': ['text/javascript', outputText],
    '/openapi-fetch.js': ['text/javascript', readFileSync(new URL(import.meta.resolve('openapi-fetch')))]
  }
  const server = createServer((request, response) => {
    const [type, content] = files[request.url ?? ''] ?? ['text/plain', '']
    response.writeHead(content === '' ? 404 : 200, { 'content-type': type }).end(content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  teardowns.push(() => server.close())
  const { port } = server.address() as AddressInfo
  return `http://front.test:${port}`
}

const browser = await chromium.launch({
  executablePath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'
  ]
})
teardowns.push(() => browser.close())

/** `name`, and what `test` found; a context of its own each. */
async function check(name: string, hosts: string[], test: (context: BrowserContext) => Promise<string[]>) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1500 } })
  const faults = await watch(context, hosts)
  const expected = await test(context).catch((error) => {
    throw new Error([name, ...faults].join('\n'), { cause: error })
  })
  await context.close()
  assert.deepEqual(
    faults.filter((fault) => !expected.some((text) => fault.includes(text))),
    [],
    name
  )
  console.log(`ok: ${name}`)
}

try {
  const frontEnd = await serveFrontEnd()
  const service = await start(owner)
  const open = await start(owner, { CORS_ORIGIN: frontEnd })

  const docs = at('hello.test', service.url)
  await check('the docs page greets: Try it out, Execute', [new URL(docs).host], async (context) => {
    const page = await context.newPage()
    await page.goto(`${docs}/docs`)
    assert.equal(await page.locator('.info .link').first().innerText(), '/openapi.json')
    await page.locator('.opblock-summary-control', { hasText: 'Greet' }).click()
    await page.getByRole('button', { name: 'Try it out' }).click()
    const reply = page.locator('.live-responses-table .response-col_description')
    await page.getByPlaceholder('name').fill('')
    await page.getByRole('button', { name: 'Execute' }).click()
    await reply.getByText('Hello, World!').waitFor()
    if (values.screenshot) await page.screenshot({ path: values.screenshot })
    await page.getByPlaceholder('name').fill('Ada')
    await page.getByRole('button', { name: 'Execute' }).click()
    await reply.getByText('Hello, Ada!').waitFor()
    return []
  })

  /** What a front-end page gets from the service at `baseUrl`. */
  async function greet(context: BrowserContext, baseUrl: string, name: string) {
    const page = await context.newPage()
    await page.goto(frontEnd)
    return page.evaluate(`import('/client.js')
      .then(({ createClient }) => createClient('${baseUrl}').GET('/', { params: { query: { name: '${name}' } } }))
      .then(({ data, error }) => ({ data, error }), (failure) => ({ failure: String(failure) }))`)
  }

  const front = new URL(frontEnd).host
  const allowed = at('hello.test', open.url)
  await check('the client works from an origin in CORS_ORIGIN', [front, new URL(allowed).host], async (context) => {
    assert.deepEqual(await greet(context, allowed, 'Ada'), { data: { message: 'Hello, Ada!' }, error: undefined })
    return []
  })
  await check('the client reads problems from there too', [front, new URL(allowed).host], async (context) => {
    const { error } = (await greet(context, allowed, '')) as { error?: { status: number } }
    assert.equal(error?.status, 400)
    return ['status of 400']
  })
  await check('without CORS_ORIGIN the browser refuses', [front, new URL(docs).host], async (context) => {
    assert.deepEqual(await greet(context, docs, 'Ada'), { failure: 'TypeError: Failed to fetch' })
    return ['blocked by CORS policy', 'net::ERR_FAILED']
  })
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  for (const teardown of teardowns.reverse()) await teardown()
}
