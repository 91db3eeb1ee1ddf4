import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { generator } from './load.mjs'

const readme = new URL('./README.md', import.meta.url)

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const digits = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)

/** `median (lowest-highest)` */
export const spread = (values) =>
  `${digits(median(values))} (${digits(Math.min(...values))}-${digits(Math.max(...values))})`

export const middle = (values) => digits(median(values))

/** The values of `field` for `name`, each divided by that of `base` in the same round. */
export const ratios = (rounds, name, base, field) => rounds.map((round) => round[name][field] / round[base][field])

export const values = (rounds, name, field) => rounds.map((round) => round[name][field])

/** Rows of cells as a Markdown table; the first row is its head. */
export function table([head, ...rows]) {
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** A line that says whether `what` is within its budget. */
export function verdict(what, of, budget) {
  const state = median(of) <= budget ? 'met' : `**not met, by ${digits((median(of) / budget - 1) * 100)}%**`
  return `- ${what}: ${spread(of)}, budget ${budget}: ${state}`
}

/** Where, when and how the figures came about. */
export function origin(node, command) {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
  const { length } = cpus()
  const machine = `${length} x ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}`
  const date = new Date().toISOString().slice(0, 10)
  return { version, text: `Node ${version}, ${date}, ${machine}, load by ${generator}, \`${command}\`` }
}

/** Puts `text` into README.md, in place of what stands there for the same mode and major version of Node. */
export function publish(mode, version, text) {
  const key = `${mode}, Node ${version.slice(1).split('.')[0]}`
  const begin = `<!-- begin ${key} -->`
  const end = `<!-- end ${key} -->`
  const old = readFileSync(readme, 'utf8')
  const block = `${begin}\n### ${key[0].toUpperCase()}${key.slice(1)}\n\n${text}\n${end}`
  const from = old.indexOf(begin)
  const next =
    from === -1
      ? `${old.trimEnd()}\n\n${block}\n`
      : old.slice(0, from) + block + old.slice(old.indexOf(end) + end.length)
  writeFileSync(readme, next)
}
