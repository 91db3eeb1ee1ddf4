import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { byteOrderMark } from './validator.ts'

const assignment = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*)$/
const ignored = /^\s*(#|$)/

/** How many of `lines` the first value needs: more than one if it opens a quote. 0 if the quote is never closed. */
function linesOf(value: string, lines: readonly string[]) {
  const quote = /^["'`]/.exec(value)?.[0]
  if (quote === undefined || value.includes(quote, 1)) return 1
  return lines.findIndex((line, index) => index > 0 && line.includes(quote)) + 1
}

/**
 * The values of a `.env` file, and the lines that cannot be read, by number. Only sound lines are handed to parseEnv:
 * in Node 20 it joins a line without `=` to the name after it, from Node 22 on it takes the line after `NAME= ` for the value.
 */
export function parseEnvFile(text: string) {
  const isUtf8 = !text.includes('\0')
  const lines = text.replace(byteOrderMark, '').replaceAll('\0', '').split(/\r?\n/)
  const sound: string[] = []
  const unreadable = new Map<number, string>()
  for (let index = 0, count = 1; index < lines.length; index += count) {
    const [first = '', ...others] = lines.slice(index)
    const [, name, value = ''] = assignment.exec(first) ?? []
    const length = name === undefined ? 0 : linesOf(value, [first, ...others])
    const part = [`${name}=${value}`, ...others.slice(0, Math.max(length - 1, 0))].join('\n')
    count = Math.max(length, 1)
    if (ignored.test(first)) continue
    if (isUtf8 && length > 0 && !part.includes('\uFFFD')) sound.push(part)
    else unreadable.set(index + 1, /[A-Za-z_]\w*/.exec(first.replace(/^\W*export\s/, ''))?.[0] ?? '')
  }
  return { values: parseEnv(sound.join('\n')), unreadable }
}

/** Reads `.env` in the working directory. A file that does not exist is empty. */
export function readEnvFile() {
  try {
    return parseEnvFile(readFileSync('.env', 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return parseEnvFile('')
    throw error
  }
}

/** Names a line by its variable only where `names` has it: anything else might be part of a secret. */
export function describeUnreadable(unreadable: ReadonlyMap<number, string>, names: readonly string[]): string {
  const lines = [...unreadable].map(([number, name]) => (names.includes(name) ? `${number} (${name})` : `${number}`))
  return `.env: ignored what cannot be read: line ${lines.join(', ')}. Write NAME=value, in UTF-8.`
}
