import { execFile } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { directory } from './helper.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (name: string) => readFileSync(join(root, name), 'utf8')

type Package = { dev?: true; optional?: true; hasInstallScript?: true }
const { packages }: { packages: Record<string, Package> } = JSON.parse(read('package-lock.json'))

t.test('npm ci prints no warning on this version of Node', async (t) => {
  const copy = directory(t)
  for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(root, name), join(copy, name))
  const { stderr } = await promisify(execFile)('npm', ['ci', '--dry-run', '--offline'], { cwd: copy })
  t.strictSame(stderr.match(/.*(EBADENGINE|install-scripts).*/g) ?? [], [])
})

t.test('production takes at most 110 packages, none with an install script', async (t) => {
  const production = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev)
  t.ok(production.length > 0)
  t.ok(production.length <= 110, `${production.length} packages`)
  for (const [path, { hasInstallScript }] of production) t.notOk(hasInstallScript, path)
})

t.test('.nvmrc and the image use Node 24; engines and CI begin at the same version', async (t) => {
  const recommended = read('.nvmrc').trim()
  t.equal(recommended, '24')
  t.match(read('Dockerfile'), `FROM docker.io/library/node:${recommended}-slim`)
  t.match(read('Dockerfile'), `FROM gcr.io/distroless/nodejs${recommended}-`)
  const [oldest, ...newer]: unknown[] = parse(read('.github/workflows/ci.yml')).jobs.test.strategy.matrix.node
  t.equal(JSON.parse(read('package.json')).engines.node, `>=${oldest}`)
  t.ok(newer.includes(Number(recommended)))
})

t.test('every action is pinned by commit', async (t) => {
  const folder = join(root, '.github/workflows')
  const uses = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').match(/uses: .*/g) ?? [])
  t.ok(uses.length > 5)
  for (const line of uses) t.match(line, /^uses: [\w/-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/)
})
