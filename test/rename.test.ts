import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { faultOf, files } from '../scripts/rename.ts'
import { directory } from './helper.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const tsx = join(root, 'node_modules/.bin/tsx')
const ignored = /(^|\/)(\.git|node_modules|dist|\.tap|\.env)(\/|$)/
const oldName = /fastify[-_ ]?hello/i

const isPart = (path: string) => !ignored.test(relative(root, path).split(sep).join('/'))

/** Paths of the files in `folder`. */
const list = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()

/** A copy of the project without its packages, in which `npm run rename -- args` has run. */
function renamed(t: Parameters<typeof directory>[0], ...args: string[]) {
  const copy = directory(t)
  cpSync(root, copy, { recursive: true, filter: isPart })
  const before = list(copy)
  const { status, stderr } = spawnSync(tsx, [join(copy, 'scripts/rename.ts'), ...args], { encoding: 'utf8' })
  const read = (path: string) => readFileSync(join(copy, path), 'utf8')
  return { copy, read, before, after: list(copy), status, stderr }
}

t.test('a renamed copy has its own name everywhere, and no other file is changed', async (t) => {
  const { copy, read, before, after, status } = renamed(t, 'my-service')
  t.equal(status, 0)
  const holders = before.filter((path) => oldName.test(readFileSync(join(root, path), 'utf8')))
  const unlisted = holders.filter((path) => path !== 'LICENSE' && !files.includes(path))
  t.strictSame(unlisted, [], 'the list in scripts/rename.ts is complete')
  t.strictSame(
    after.filter((path) => oldName.test(path) || oldName.test(read(path))),
    ['LICENSE']
  )
  t.notOk(oldName.test(basename(copy)))

  const left = before.filter((path) => !/rename|\.service$/.test(path))
  t.strictSame(after, [...left, 'deploy/systemd/my-service.service'].sort())
  const changed = left.filter((path) => read(path) !== readFileSync(join(root, path), 'utf8'))
  t.strictSame(
    changed,
    holders.filter((path) => path !== 'LICENSE')
  )

  const manifest = JSON.parse(read('package.json'))
  t.equal(manifest.name, 'my-service')
  t.notOk('rename' in manifest.scripts)
  const lock = JSON.parse(read('package-lock.json'))
  t.strictSame([lock.name, lock.packages[''].name], ['my-service', 'my-service'])
  t.equal(JSON.parse(read('openapi.json')).info.title, 'my-service')
  t.match(read('Dockerfile'), 'org.opencontainers.image.title="my-service"')
  const { images } = parse(read('deploy/kubernetes/kustomization.yaml'))
  t.match(images, [{ name: 'my-service', newName: 'registry.example.com/my-service' }])
  const manifests = files.filter((path) => /kubernetes\/(?!kust)/.test(path))
  for (const path of manifests) t.equal(parse(read(path), { merge: true }).metadata.name, 'my-service', path)
})

t.test('names that npm or Kubernetes would refuse are refused', async (t) => {
  const long = 'a'.repeat(63)
  for (const name of ['a', 'my-service', 'orders2', long]) t.equal(faultOf(name), undefined, name)
  const wrong = ['', 'My-Service', 'my_service', '-a', 'a-', '1a', 'a.b', '@a/b', 'a b', 'a\n', '../a', `${long}a`]
  for (const name of wrong) t.match(faultOf(name), /^A name has/, name)
  t.equal(faultOf('http'), 'http is a module of Node.')
  t.equal(faultOf('fastify'), 'fastify is a package that the project uses.')
})

t.test('a refused name changes nothing', async (t) => {
  const { read, before, after, status, stderr } = renamed(t, 'My Service')
  t.equal(status, 1)
  t.match(stderr, 'Usage: npm run rename -- my-service')
  t.strictSame(after, before)
  t.equal(read('package.json'), readFileSync(join(root, 'package.json'), 'utf8'))
  t.ok(existsSync(join(root, 'scripts/rename.ts')))
})
