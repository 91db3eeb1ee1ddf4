import { join } from 'node:path/posix'
import ts from 'typescript'

type Files = Readonly<Record<string, string>>
type Edge = { from: string; to: string }

/** The parts of the platform. Each imports only from itself and from those below it. */
const floors = [
  'index.ts',
  'process',
  'create-app.ts',
  'platform.ts',
  'overload',
  'health',
  'docs',
  'event-streams',
  'errors',
  'http',
  'logging',
  'metrics',
  'tracing',
  'problem',
  'config'
]
const platform = 'src/platform/'
const door = `${platform}index.ts`
/** Members of `process` that only src/platform/process may use. */
const processMembers = /^(env|argv|on|once|off|addListener|exit|exitCode|abort|kill)$/

const isPlatform = (path: string) => path.startsWith(platform)
const floorOf = (path: string) => path.slice(platform.length).replace(/\/.*/, '')

/** The imports between `files`: static, dynamic, of types, and by `require`. */
export function edges(files: Files): Edge[] {
  return Object.entries(files).flatMap(([from, text]) => {
    const names = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName)
    const local = names.filter((name) => /^[.#]/.test(name))
    return [...new Set(local)].map((name) => ({
      from,
      to: name.startsWith('#') ? `${name.slice(1)}.ts` : join(from, '..', name)
    }))
  })
}

/** Imports that cross the border of the platform elsewhere than at its door. */
const crossings = (all: Edge[]) =>
  all
    .filter(({ from, to }) => {
      if (isPlatform(from)) return !isPlatform(to)
      // The source maps must be on before any other module is loaded.
      const sourceMaps = from === 'src/server.ts' && to === `${platform}process/source-maps.ts`
      return isPlatform(to) && to !== door && !sourceMaps
    })
    .map(({ from, to }) => `${from} imports ${to}`)

/** Imports within the platform that lead to a higher floor, or to a part that has no floor. */
const climbs = (all: Edge[]) =>
  all
    .filter(({ from, to }) => isPlatform(from) && isPlatform(to))
    .filter(({ from, to }) => {
      const [above, below] = [floors.indexOf(floorOf(from)), floors.indexOf(floorOf(to))]
      return above < 0 || below < 0 || above > below
    })
    .map(({ from, to }) => `${from} imports ${to} from above`)

/** Import circles. Each is reported once, from the file where the search met it. */
function circles(all: Edge[]): string[] {
  const done = new Set<string>()
  const found: string[] = []
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    if (done.has(file)) return
    done.add(file)
    for (const { from, to } of all) if (from === file) visit(to, [...path, file])
  }
  for (const { from } of all) visit(from, [])
  return found.map((circle) => `circle: ${circle}`)
}

/** Uses of the environment, signals, listening and exiting in `text`. */
function effects(text: string): string[] {
  const found: string[] = []
  const visit = (node: ts.Node) => {
    if (ts.isPropertyAccessExpression(node)) {
      const name = node.name.text
      const isProcess = /^(globalThis\.)?process$/.test(node.expression.getText())
      if (isProcess && processMembers.test(name)) found.push(`process.${name}`)
      if (name === 'listen' && ts.isCallExpression(node.parent)) found.push('listen()')
    }
    if (ts.isStringLiteral(node) && /^(node:)?process$/.test(node.text)) found.push(`'${node.text}'`)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('', text, ts.ScriptTarget.Latest, true))
  return found
}

/** What breaks the rules of the layout in `files`, which are texts of src by path. */
export function violations(files: Files): string[] {
  const all = edges(files)
  const outside = Object.entries(files).filter(([path]) => !path.startsWith(`${platform}process/`))
  const used = outside.flatMap(([path, text]) => effects(text).map((effect) => `${path} uses ${effect}`))
  return [...crossings(all), ...climbs(all), ...circles(all), ...used]
}
