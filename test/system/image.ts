// Builds the image and runs it with no more rights than deploy/kubernetes grants.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildImage, type Container, NotPossible, type StartOptions } from './image-engines.ts'

const json = (path: string) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'))
const containers: Container[] = []
const engine = await buildImage('service:test')

async function start(options?: StartOptions) {
  const container = await engine.start(options)
  containers.push(container)
  return container
}

/** What `code` evaluates to in the container. */
const evaluate = async ({ execute }: Container, code: string) =>
  JSON.parse(await execute(['/nodejs/bin/node', '--print', `JSON.stringify(${code})`]))

const checks: Record<string, () => Promise<string | undefined>> = {
  async 'the service runs as uid 65532, process 1, on a read-only root and without capabilities'() {
    const container = await start()
    const { status: live } = await fetch(`${container.adminUrl}/livez`)
    assert.equal(live, 200)
    const status: string = await evaluate(container, 'fs.readFileSync("/proc/1/status", "utf8")')
    assert.match(
      await evaluate(container, 'fs.readFileSync("/proc/1/cmdline", "utf8")'),
      /^\/nodejs\/bin\/node\0.*server\.js\0$/
    )
    assert.match(status, /^Uid:\s+65532\s+65532/m)
    assert.match(status, /^Gid:\s+65532\s+65532/m)
    assert.match(status, /^CapEff:\s+0+$/m)
    assert.match(status, /^NoNewPrivs:\s+1$/m)
    const write = '(() => { try { fs.writeFileSync("/app/x", "") } catch (error) { return error.code } })()'
    assert.equal(await evaluate(container, write), 'EROFS')
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
    const documented = await start({ env: { DOCS: 'true' } })
    assert.equal(await status(`${documented.url}/docs`), 200)
    return undefined
  },

  async 'the log is JSON, one line a request'() {
    const { url, port, adminPort, log } = await start()
    await fetch(`${url}/nowhere?name=Ada`)
    await sleep(300)
    const lines = (await log()).split('\n').map((line) => JSON.parse(line))
    const messages = lines.map(({ msg }) => msg)
    for (const message of messages.slice(0, -1)) assert.match(message, /^(Admin s|S)erver listening at http:/)
    assert.ok(messages.includes(`Server listening at http://127.0.0.1:${port}`))
    assert.ok(messages.includes(`Admin server listening at http://127.0.0.1:${adminPort}`))
    assert.deepEqual([lines.at(-1).msg, lines.at(-1).path], ['request completed', '/nowhere'])
    return undefined
  },

  async 'SIGTERM: a request in flight is answered, then exit 0'() {
    const { url, signal, exitCode } = await start({ routes: true })
    const inFlight = fetch(`${url}/slow?ms=1500`)
    await sleep(500)
    await signal('SIGTERM')
    const { status, headers } = await inFlight
    assert.deepEqual([status, headers.get('connection')], [200, 'close'])
    assert.equal(await exitCode(), 0)
    return undefined
  },

  async 'the health check passes, and fails where nothing answers'() {
    const { execute, adminPort } = await start()
    const [, ...command] = engine.configuration.Healthcheck.Test
    await execute(command)
    await execute(command, { PORT: String(adminPort), ADMIN_PORT: '' }) // probes on PORT
    await assert.rejects(execute(command, { ADMIN_PORT: '9' }))
    return undefined
  },

  async 'a leak ends at the heap limit and says so, before the container is killed without a word'() {
    const { url, exitCode, log } = await start({ routes: true, memory: 256 * 1024 * 1024 })
    let alive = true
    for (let i = 0; alive && i < 1000; i++) {
      const leaked = fetch(`${url}/leak`).then((response) => response.text())
      alive = await leaked.then(Boolean, () => false)
    }
    assert.ok(!alive, 'it lives on with 800 MB')
    await exitCode()
    assert.match(await log(), /JavaScript heap out of memory/)
    return undefined
  },

  async 'it holds the built service and the packages of production, and no shell'() {
    const container = await start()
    const roots = 'fs.readdirSync("/").filter((name) => !["dev", "proc", "sys", "fixtures"].includes(name))'
    const list = '(name) => fs.readdirSync("/" + name, { recursive: true }).map((path) => name + "/" + path)'
    const paths: string[] = await evaluate(container, `${roots}.flatMap(${list})`)
    const shells = paths.filter((path) => /(^|\/)(ba|da|a|z|k)?sh$|\/(busybox|npm|npx|yarn|corepack|apt)$/.test(path))
    assert.deepEqual(shells, [])
    await assert.rejects(container.execute(['/bin/sh', '-c', 'true']))

    const app = paths.filter((path) => path.startsWith('app/')).map((path) => path.slice('app/'.length))
    assert.deepEqual(app.filter((path) => !path.includes('/')).sort(), ['dist', 'node_modules', 'package.json'])
    const installed = app.filter((path) => /(^|\/)node_modules\/(@[^/]+\/)?[^@./][^/]*$/.test(path))
    const packages: [string, { dev?: boolean; optional?: boolean }][] = Object.entries(
      json('package-lock.json').packages
    )
    const production = packages.filter(([path, { dev }]) => path !== '' && !dev).map(([path]) => path)
    assert.deepEqual(installed.sort(), production.sort())

    const sizes = 'fs.readdirSync("/app", { recursive: true }).map((path) => fs.lstatSync("/app/" + path).size)'
    const bytes: number = await evaluate(container, `${sizes}.reduce((sum, size) => sum + size)`)
    return `${app.length} files, ${(bytes / 1e6).toFixed(1)} MB beyond the base`
  },

  async 'its labels are those of package.json'() {
    const { Labels } = engine.configuration
    const { name, description, license } = json('package.json')
    const labels = ['title', 'description', 'licenses'].map((key) => Labels[`org.opencontainers.image.${key}`])
    assert.deepEqual(labels, [name, description, license])
    return undefined
  }
}

console.log(`built and run by ${engine.name}`)
const count = { passed: 0, failed: 0, 'not run': 0 }
for (const [name, check] of Object.entries(checks)) {
  try {
    const figures = await check()
    count.passed++
    console.log(`ok      ${name}${figures ? ` (${figures})` : ''}`)
  } catch (error) {
    const outcome = error instanceof NotPossible ? 'not run' : 'failed'
    count[outcome]++
    console.log(outcome, name, error)
  }
}
for (const container of containers) await container.remove().catch(console.error)
await engine.remove()
console.log(`${count.passed} passed, ${count.failed} failed, ${count['not run']} not run`)
process.exitCode = count.failed === 0 ? 0 : 1
