import { inspect } from 'node:util'
import type { Variables } from './schema.ts'

const hidden = '[secret]'
/** Shorter values are too likely to be part of other words. */
const MIN_LENGTH = 6 // characters

const secretsOf = (variables: Variables) => Object.keys(variables).filter((name) => variables[name]?.secret)

/** Makes JSON and `util.inspect` of `config`, and so a reply or a log line, show `[secret]` for every secret. */
export function hideSecrets(variables: Variables, config: unknown): void {
  const values: Record<string, unknown> = Object(config)
  const names = secretsOf(variables).filter((name) => name in values)
  const value = () => ({ ...values, ...Object.fromEntries(names.map((name) => [name, hidden])) })
  if (names.length > 0) Object.defineProperties(values, { toJSON: { value }, [inspect.custom]: { value } })
}

/** The values of the secrets, and the passwords of those that are URLs. Values under 6 characters are left out. */
export function secretValues(variables: Variables, config: object): string[] {
  const names = secretsOf(variables)
  const values = Object.entries(config).flatMap(([name, value]) => (names.includes(name) ? [value].flat() : []))
  const texts = values.map(String)
  const passwords = texts.flatMap((text) => (URL.canParse(text) ? new URL(text).password : []))
  return [...texts, ...passwords].filter((text) => text.length >= MIN_LENGTH)
}

/** Replaces `secrets` in the strings of a line of JSON. */
export function redactor(secrets: readonly string[]) {
  const escaped = secrets.map((secret) => JSON.stringify(secret).slice(1, -1))
  function redact(_key: string, value: unknown) {
    if (typeof value === 'number') return secrets.includes(String(value)) ? hidden : value
    return typeof value === 'string' ? secrets.reduce((text, secret) => text.replaceAll(secret, hidden), value) : value
  }
  return (line: string) =>
    escaped.some((secret) => line.includes(secret)) ? `${JSON.stringify(JSON.parse(line, redact))}\n` : line
}
