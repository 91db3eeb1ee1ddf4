// npm run test:faults [-- attack or group ...] [--quick] [--seed n] [--server dist/server.js]
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { Attacks, Row } from './attack.ts'
import { services } from './service.ts'

/** 2 and 5 times the capacity lie between 0.8 and 10. */
const onlyInFull = ['overload-2', 'overload-5']
/** Of a row that is about time, as the machine may be busy; all others have one. */
const ATTEMPTS = 3
const groups = [
  'slow-clients',
  'floods',
  'connections',
  'malformed',
  'bodies',
  'overload',
  'machine',
  'signals',
  'soak'
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, seed: { type: 'string' }, server: { type: 'string' } }
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32))
const { serve, end } = services(values.server)
const rows: (Row & { attack: string })[] = []
const started = performance.now()

const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
const cells = ({ attack, tried, lost, limit, pass }: (typeof rows)[number]) =>
  line([attack, tried, lost, limit, pass ? 'yes' : '**NO**'])

async function attack(name: string, run: Attacks[string]) {
  const from = performance.now()
  for (let attempt = 1; ; attempt++) {
    let row: Row
    try {
      row = await run({ quick: values.quick, seed, serve })
    } catch (error) {
      row = { tried: 'did not come to its end', lost: String(error), limit: '', pass: false }
    }
    await end()
    const seconds = Math.round((performance.now() - from) / 1000)
    console.error(`${row.pass ? 'ok  ' : 'FAIL'} ${name} (${seconds} s): ${row.lost}`)
    if (!row.pass && row.timed && attempt < ATTEMPTS) continue
    rows.push({ attack: name, ...row, lost: attempt > 1 ? `${row.lost} (attempt ${attempt})` : row.lost })
    return
  }
}

const known = new Set(groups)
for (const group of groups) {
  const { attacks }: { attacks: Attacks } = await import(`./${group}.ts`)
  for (const [name, run] of Object.entries(attacks)) {
    known.add(name)
    const all = positionals.length === 0 && !(values.quick && onlyInFull.includes(name))
    const chosen = all || positionals.includes(name) || positionals.includes(group)
    if (chosen) await attack(name, run)
  }
}
const unknown = positionals.filter((name) => !known.has(name))

const table = [line(['attack', 'tried', 'lost', 'limit', 'holds']), line(Array(5).fill('---')), ...rows.map(cells)]
console.log(table.join('\n'))
const seconds = Math.round((performance.now() - started) / 1000)
const failed = rows.filter(({ pass }) => !pass)
console.log(`\n${rows.length - failed.length} of ${rows.length} hold, ${seconds} s, seed ${seed}`)
if (unknown.length > 0) console.error(`no such attack: ${unknown.join(', ')}; there are ${[...known].join(', ')}`)

if (positionals.length === 0 && !values.quick && !values.server) {
  const text = `# Faults

Made by \`npm run test:faults\`, which starts the built service and attacks it on loopback; every row is one attack, and
\`npm run test:faults -- slow-headers\` runs that one. \`npm run test:faults -- --quick\` is the bounded half that CI runs.
A row about time that fails is tried twice more, and says so.

Node ${process.versions.node}, ${process.platform} ${process.arch}, ${cpus().length} CPUs, ${seconds} s, seed ${seed}.

${table.join('\n')}
`
  mkdirSync(new URL('../../../docs/', import.meta.url), { recursive: true })
  writeFileSync(new URL('../../../docs/faults.md', import.meta.url), text)
}
process.exitCode = failed.length + unknown.length > 0 ? 1 : 0
