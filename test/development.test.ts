import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { directory, freePorts, until } from './platform/harness.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const routes = new URL('./platform/service/routes.mjs', import.meta.url).href
const PATIENCE = 60_000 // ms, for a busy machine

/** A copy of the parts of the project that `paths` name, with its packages. */
function copy(t: Parameters<typeof directory>[0], paths: string[]) {
  const cwd = directory(t)
  for (const path of paths) cpSync(join(root, path), join(cwd, path), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(cwd, 'node_modules'))
  return cwd
}

/** Runs `command` as a terminal would: in a process group of its own, without the variables that tap sets. */
function run(t: Parameters<typeof directory>[0], cwd: string, command: string[], env: Record<string, string> = {}) {
  const variables = Object.entries({ PATH: process.env.PATH, HOME: cwd, ...env }).map((pair) => pair.join('='))
  const child = spawn('env', ['-i', ...variables, ...command], {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
  }
  /** Sends `signal` to the whole group, as Ctrl-C does. */
  const kill = (signal: NodeJS.Signals | 0) => {
    try {
      return process.kill(-(child.pid ?? 0), signal)
    } catch {
      return false // no process of the group is left
    }
  }
  const exit = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  t.teardown(() => kill('SIGKILL'))
  return { text: () => text, kill, exit }
}

t.test(
  'npm run dev restarts for each file that is replaced, logs one line a request, and ends on Ctrl-C',
  async (t) => {
    const cwd = copy(t, ['src', 'package.json', 'tsconfig.json', 'pino-pretty.config.cjs'])
    const [port] = await freePorts(1)
    const dev = run(t, cwd, ['npm', 'run', 'dev'], { PORT: String(port), NODE_OPTIONS: `--import=${routes}` })
    const count = (pattern: RegExp) => [...dev.text().matchAll(pattern)].length
    await until(() => count(/Server listening/g) === 1, PATIENCE)

    const file = join(cwd, 'src/app.ts')
    const source = readFileSync(file, 'utf8')
    for (let i = 1; i <= 10; i++) {
      unlinkSync(file) // as git checkout does
      writeFileSync(file, `${source}\nconsole.error('change ${i}.')\n`)
      const restarted = () => new RegExp(`change ${i}\\.\n[^]*Server listening`).test(dev.text())
      await until(restarted, PATIENCE)
    }
    t.pass('10 of 10')

    const from = dev.text().length
    const url = `http://127.0.0.1:${port}`
    await fetch(`${url}/items/1`)
    await fetch(`${url}/throw/error`)
    await until(() => /\n {4}}\n/.test(dev.text().slice(from)), PATIENCE)
    const id = '[\\w-]{36}'
    const time = '\\[\\d\\d:\\d\\d:\\d\\d\\.\\d{3}\\]'
    t.match(
      dev.text().slice(from),
      new RegExp(
        `^${time} INFO: GET /items/1 200 [\\d.]+ ms request completed ${id}\\s*\n` +
          `${time} ERROR: GET /throw/error 500 [\\d.]+ ms request failed ${id}\\s*\n` +
          ` {4}err: [^]*Error: canary\n +at `
      )
    )

    const reply = fetch(`${url}/hold?ms=1000`)
    await until(() => dev.text().includes('in flight'), PATIENCE)
    dev.kill('SIGINT')
    t.equal((await reply).status, 200, 'the request in flight has its reply')
    const { code, signal } = await dev.exit
    t.ok(signal === 'SIGINT' || code === 130 || code === 0, `exit ${code} ${signal}`)
    await until(() => !dev.kill(0), PATIENCE)
  }
)

t.test('npx tap builds first, and says which lines are not covered and that it fails for them', async (t) => {
  const cwd = copy(t, ['.taprc', 'package.json', 'tsconfig.json', 'tsconfig.build.json'])
  for (const folder of ['src', 'test']) mkdirSync(join(cwd, folder))
  for (const path of ['test/build.ts', 'test/typescript.mjs']) cpSync(join(root, path), join(cwd, path))
  const write = (path: string, lines: string[]) => writeFileSync(join(cwd, path), lines.join('\n'))
  const test = (value: number) => [
    "import t from 'tap'",
    "import { answer } from '#src/answer'",
    `t.equal(answer(false), ${value})`
  ]
  write('src/answer.ts', [
    'export function answer(exact: boolean): number {',
    '  if (exact) return 1.5',
    '  return 1',
    '}'
  ])
  write('test/answer.test.ts', test(1))
  const first = run(t, cwd, ['npx', 'tap', '--reporter=tap'])
  t.strictSame(await first.exit, { code: 1, signal: null })
  t.match(first.text(), /^ok 1 - test\/answer\.test\.ts/m)
  t.match(first.text(), /answer\.ts +\|.*\| 2 +\n/)
  t.match(first.text(), /ERROR: incomplete branches coverage/)

  write('src/answer.ts', ['export function answer(exact: boolean): number {', '  return exact ? 2 : 2', '}'])
  write('test/answer.test.ts', test(2))
  const second = run(t, cwd, ['npx', 'tap', '--reporter=tap', '--allow-incomplete-coverage'])
  t.strictSame(await second.exit, { code: 0, signal: null })
  t.match(second.text(), /^ok 1 - test\/answer\.test\.ts/m)
})
