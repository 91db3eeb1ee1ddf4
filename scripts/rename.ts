// Gives the project its own name: npm run rename -- my-service. It runs once and removes itself; see docs/template.md.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const write = (path: string, text: string) => writeFileSync(new URL(path, root), text)
const { name: from, dependencies, devDependencies } = JSON.parse(read('package.json'))

/** The only files that hold the name of the project. LICENSE keeps it: the notice of the authors has to stay. */
export const files = [
  'Dockerfile',
  'README.md',
  'deploy/kubernetes/autoscaler.yaml',
  'deploy/kubernetes/deployment.yaml',
  'deploy/kubernetes/disruption-budget.yaml',
  'deploy/kubernetes/kustomization.yaml',
  'deploy/kubernetes/network-policy.yaml',
  'deploy/kubernetes/service-account.yaml',
  'deploy/kubernetes/service.yaml',
  'docs/operations.md',
  'openapi.json',
  'package-lock.json',
  'package.json'
]
/** Named after the project. */
const unit = (name: string) => `deploy/systemd/${name}.service`
/** Needed until the project has its name. */
const removed = ['scripts/rename.ts', 'test/rename.test.ts']

/** Why `name` cannot be the name of a service, or `undefined` if it can: a DNS label (RFC 1035) that npm takes, too. */
export function faultOf(name: string): string | undefined {
  if (!/^[a-z]([a-z\d-]{0,61}[a-z\d])?$/.test(name)) {
    return 'A name has 1 to 63 characters: a-z, 0-9 and -. It begins with a letter and does not end with -.'
  }
  if (isBuiltin(name)) return `${name} is a module of Node.`
  if (name in { ...dependencies, ...devDependencies }) return `${name} is a package that the project uses.`
  return undefined
}

function rename(to: string) {
  for (const path of files.filter((path) => existsSync(new URL(path, root)))) {
    write(path, read(path).replaceAll(from, to))
    console.log(`changed ${path}`)
  }
  if (existsSync(new URL(unit(from), root))) {
    renameSync(new URL(unit(from), root), new URL(unit(to), root))
    console.log(`renamed ${unit(from)} to ${unit(to)}`)
  }
  write('package.json', read('package.json').replace(/^ *"rename": .*\n/m, ''))
  for (const path of removed) {
    rmSync(new URL(path, root))
    console.log(`removed ${path}`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [to = ''] = process.argv.slice(2)
  const fault = faultOf(to)
  if (fault) {
    console.error(`${fault}\nUsage: npm run rename -- my-service`)
    process.exitCode = 1
  } else rename(to)
}
