import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { build, directory, until } from './helper.ts'
import { freePorts } from './platform/harness.ts'

const cli = fileURLToPath(new URL('../node_modules/fastify-cli/cli.js', import.meta.url))
const app = fileURLToPath(new URL('../dist/app.js', import.meta.url))

await t.test('the validated config is on app.config', async (t) => {
  const { app } = await build(t, { PORT: '4000', TRUST_PROXY: '10.0.0.1' })
  t.match(app.config, { PORT: 4000, TRUST_PROXY: ['10.0.0.1'], HOST: '127.0.0.1' })
})

await t.test('building apps leaves the process as it was', async (t) => {
  const counts = () => ['SIGTERM', 'SIGINT', 'uncaughtException', 'exit'].map((event) => process.listenerCount(event))
  const before = counts()
  for (let i = 0; i < 10; i++) await build(t)
  t.strictSame(counts(), before)
})

/** The paths in a tree of routes. Each line has the rest of a path after that of its parent. */
function pathsOf(tree: string): string[] {
  const parts: string[] = []
  return [...tree.matchAll(/^(.*)[├└]── (\S+)/gm)].map(([, indent = '', part = '']) => {
    parts.splice(indent.length / 4, parts.length, part)
    return parts.join('')
  })
}

t.jobs = 2

t.test('the paths of a tree are those of its routes', async (t) => {
  const { app } = await build(t, { DOCS: 'false' }, (app) => {
    for (const path of ['/me', '/me/:id', '/livez2']) app.get(path, () => '')
  })
  const paths = pathsOf(app.printRoutes({ commonPrefix: false }))
  for (const path of ['/me', '/me/:id', '/metrics', '/livez', '/livez2']) t.ok(paths.includes(path), path)
})

t.test('fastify-cli prints its routes', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [cli, 'print-routes', app], { cwd: directory(t) })
  const paths = pathsOf(stdout)
  for (const path of ['/livez', '/readyz', '/metrics']) t.ok(paths.includes(path), path)
})

t.test('fastify-cli starts it', async (t) => {
  const [port] = await freePorts(1)
  const child = spawn(process.execPath, [cli, 'start', '--port', String(port), '--log-level', 'info', app], {
    cwd: directory(t)
  })
  t.teardown(() => child.kill('SIGKILL'))
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  await until(() => /listening at http/.test(text), 20_000)
  const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? []
  t.equal((await fetch(`${url}/livez`)).status, 200)
  t.match(await (await fetch(`${url}/metrics`)).text(), 'log_lines_dropped_total 0\n', 'whoever writes the log')
  child.kill('SIGTERM')
  await once(child, 'exit')
})
