import { parseArgs } from 'node:util'
import { contender, names } from './contenders.mjs'
import { origin, publish } from './report.mjs'

const modes = ['requests', 'quick', 'start', 'connections', 'memory', 'profile']

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: 'string', default: process.execPath },
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' }
  }
})
const [mode = 'requests'] = positionals
if (!modes.includes(mode)) throw new Error(`no mode ${mode}; there are: ${modes.join(', ')}`)

const { node } = values
const chosen = values.only?.split(',')
const numbers = Object.fromEntries(
  ['rounds', 'seconds'].filter((name) => values[name]).map((name) => [name, Number(values[name])])
)
const { default: run, contenders = names, ...defaults } = await import(`./modes/${mode}.mjs`)
const settings = { rounds: defaults.rounds, seconds: defaults.seconds, ...numbers }

const begin = Date.now()
const report = await run({ node, contenders: (chosen ?? contenders).map(contender), ...settings })
const { version, text } = origin(node, `npm run bench${mode === 'requests' ? '' : ` -- ${mode}`}`)
const seconds = Math.round((Date.now() - begin) / 1000)
const whole = `${text}, ${seconds} s.\n\n${report.text}`
console.log(whole)
if (!chosen && Object.keys(numbers).length === 0 && defaults.published) publish(mode, version, whole)
process.exitCode = report.failed ? 1 : 0
