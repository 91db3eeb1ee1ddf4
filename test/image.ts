// Builds the image and runs it with no more rights than deploy/kubernetes grants, under docker or podman.
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const json = (path: string) => JSON.parse(readFileSync(root + path, 'utf8'))
const image = 'fastify-hello:test'
const containers: string[] = []

const engine = ['docker', 'podman'].find((name) => spawnSync(name, ['info']).status === 0) ?? ''
if (engine === '') {
  console.error('test:image needs docker or podman, and its engine running')
  process.exit(1)
}

async function ask(...args: string[]): Promise<string> {
  const { stdout } = await run(engine, args, { maxBuffer: 64 * 1024 * 1024 })
  return stdout.trim()
}

async function inspect(kind: 'container' | 'image', name: string) {
  const [described] = JSON.parse(await ask(kind, 'inspect', name))
  return described
}

/** What `code` evaluates to in the container. */
const evaluate = async (id: string, code: string) =>
  JSON.parse(await ask('exec', id, '/nodejs/bin/node', '--print', `JSON.stringify(${code})`))

/** A ready container: read-only, no capabilities. With `routes`, it has those of test/fixtures and the image's command. */
async function start({ options = [], routes = false }: { options?: string[]; routes?: boolean } = {}) {
  const confined = ['--read-only', '--cap-drop', 'all', '--security-opt', 'no-new-privileges']
  const ports = ['--publish', '127.0.0.1::3000', '--publish', '127.0.0.1::9000']
  const { Cmd } = (await inspect('image', image)).Config
  const fixtures = routes ? ['--volume', `${root}test/fixtures:/fixtures:ro`] : []
  const command = routes ? ['--import', '/fixtures/routes.mjs', ...Cmd] : []
  const id = await ask('run', '--detach', ...confined, ...ports, ...fixtures, ...options, image, ...command)
  containers.push(id)
  const origin = async (port: number) => `http://${(await ask('port', id, `${port}/tcp`)).split('\n')[0]}`
  const [url, adminUrl] = [await origin(3000), await origin(9000)]
  for (let attempt = 0; attempt < 100; attempt++, await sleep(100)) {
    const response = await fetch(`${adminUrl}/readyz`).catch(() => undefined)
    if (response?.ok) return { id, url, adminUrl }
  }
  throw new Error(`not ready within 10 s: ${await ask('logs', id)}`)
}

const checks: Record<string, () => Promise<string | undefined>> = {
  async 'the service runs as uid 65532, process 1, on a read-only root and without capabilities'() {
    const { id, url } = await start()
    const response = await fetch(url)
    assert.deepEqual([response.status, await response.json()], [200, { message: 'Hello, World!' }])
    const status: string = await evaluate(id, 'fs.readFileSync("/proc/1/status", "utf8")')
    assert.match(
      await evaluate(id, 'fs.readFileSync("/proc/1/cmdline", "utf8")'),
      /^\/nodejs\/bin\/node\0.*server\.js\0$/
    )
    assert.match(status, /^Uid:\s+65532\s+65532/m)
    assert.match(status, /^Gid:\s+65532\s+65532/m)
    assert.match(status, /^CapEff:\s+0+$/m)
    assert.match(status, /^NoNewPrivs:\s+1$/m)
    const write = '(() => { try { fs.writeFileSync("/app/x", "") } catch (error) { return error.code } })()'
    assert.equal(await evaluate(id, write), 'EROFS')
    return undefined
  },

  async 'probes and metrics are on the admin port alone, the docs only where DOCS is true'() {
    const { url, adminUrl } = await start()
    const status = async (address: string) => (await fetch(address)).status
    for (const path of ['/livez', '/readyz', '/metrics']) {
      assert.equal(await status(adminUrl + path), 200, `${path} on the admin port`)
      assert.equal(await status(url + path), 404, `${path} on the public port`)
    }
    for (const path of ['/docs', '/openapi.json']) assert.equal(await status(url + path), 404, path)
    const documented = await start({ options: ['--env', 'DOCS=true'] })
    assert.equal(await status(`${documented.url}/docs`), 200)
    return undefined
  },

  async 'the log is JSON, one line a request'() {
    const { id, url } = await start()
    await fetch(`${url}/?name=Ada`)
    await sleep(300)
    const lines = (await ask('logs', id)).split('\n').map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ msg, path }) => [msg, path]),
      [
        ['Server listening at http://0.0.0.0:3000', undefined],
        ['Admin server listening at http://0.0.0.0:9000', undefined],
        ['request completed', '/']
      ]
    )
    return undefined
  },

  async 'SIGTERM: a request in flight is answered, then exit 0'() {
    const { id, url } = await start({ routes: true })
    const inFlight = fetch(`${url}/slow?ms=1500`)
    await sleep(500)
    await ask('kill', '--signal', 'TERM', id)
    const { status, headers } = await inFlight
    assert.deepEqual([status, headers.get('connection')], [200, 'close'])
    assert.equal(await ask('wait', id), '0')
    return undefined
  },

  async 'the health check passes, and fails where nothing answers'() {
    const { id } = await start()
    const [, ...command]: string[] = (await inspect('container', id)).Config.Healthcheck.Test
    await ask('exec', id, ...command)
    await ask('exec', '--env', 'PORT=9000', '--env', 'ADMIN_PORT=', id, ...command) // probes on PORT
    await assert.rejects(ask('exec', '--env', 'ADMIN_PORT=9', id, ...command))
    return undefined
  },

  async 'a leak ends at the heap limit and says so, before the container is killed without a word'() {
    const { id, url } = await start({ routes: true, options: ['--memory', '256m', '--memory-swap', '256m'] })
    for (let i = 0; i < 1000; i++) {
      const response = await fetch(`${url}/leak`).catch(() => undefined)
      if (!response) break
      await response.text()
    }
    await ask('wait', id)
    const { stdout, stderr } = await run(engine, ['logs', id])
    assert.match(stdout + stderr, /JavaScript heap out of memory/)
    return undefined
  },

  async 'it holds the built service and the packages of production, and no shell'() {
    const { id } = await start()
    const roots = 'fs.readdirSync("/").filter((name) => !["dev", "proc", "sys"].includes(name))'
    const list = '(name) => fs.readdirSync("/" + name, { recursive: true }).map((path) => name + "/" + path)'
    const paths: string[] = await evaluate(id, `${roots}.flatMap(${list})`)
    const shells = paths.filter((path) => /(^|\/)(ba|da|a|z|k)?sh$|\/(busybox|npm|npx|yarn|corepack|apt)$/.test(path))
    assert.deepEqual(shells, [])
    await assert.rejects(ask('exec', id, '/bin/sh', '-c', 'true'))

    const app = paths.filter((path) => path.startsWith('app/')).map((path) => path.slice('app/'.length))
    assert.deepEqual(app.filter((path) => !path.includes('/')).sort(), ['dist', 'node_modules', 'package.json'])
    const installed = app.filter((path) => /(^|\/)node_modules\/(@[^/]+\/)?[^@./][^/]*$/.test(path))
    const packages: [string, { dev?: boolean; optional?: boolean }][] = Object.entries(
      json('package-lock.json').packages
    )
    const production = packages.filter(([path, { dev }]) => path !== '' && !dev).map(([path]) => path)
    assert.deepEqual(installed.sort(), production.sort())

    const sizes = 'fs.readdirSync("/app", { recursive: true }).map((path) => fs.lstatSync("/app/" + path).size)'
    const bytes: number = await evaluate(id, `${sizes}.reduce((sum, size) => sum + size)`)
    return `${app.length} files, ${(bytes / 1e6).toFixed(1)} MB beyond the base`
  },

  async 'its labels are those of package.json'() {
    const { Labels } = (await inspect('image', image)).Config
    const { name, description, license } = json('package.json')
    const labels = ['title', 'description', 'licenses'].map((key) => Labels[`org.opencontainers.image.${key}`])
    assert.deepEqual(labels, [name, description, license])
    return undefined
  }
}

console.log(`building with ${engine}`)
const build = spawnSync(engine, ['build', '--tag', image, root], {
  encoding: 'utf8',
  env: { ...process.env, BUILDAH_FORMAT: 'docker' } // podman's own format has no health check
})
if (build.status !== 0) {
  console.error(build.stdout, build.stderr)
  process.exit(1)
}

let failed = 0
for (const [name, check] of Object.entries(checks)) {
  try {
    const figures = await check()
    console.log(`ok     ${name}${figures ? ` (${figures})` : ''}`)
  } catch (error) {
    failed++
    console.log(`FAILED ${name}`, error)
  }
}
for (const id of containers) await ask('rm', '--force', id).catch(console.error)
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
