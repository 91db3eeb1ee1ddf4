import type { FastifyError } from 'fastify'

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value instanceof Object
}

function isErrorStatus(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 400 && Number(value) < 600
}

/** The status that an error asks for, as `statusCode` or, as http-errors has it, `status`. */
export function statusOf(thrown: unknown): number | undefined {
  return isObject(thrown) ? [thrown.statusCode, thrown.status].find(isErrorStatus) : undefined
}

/** Its message where clients may read it: that of the framework, the JSON parser or Node may repeat what was sent. */
export function detailOf(thrown: unknown): string | undefined {
  if (!isObject(thrown) || typeof thrown.message !== 'string') return undefined
  const isOfTheInside =
    thrown.name === 'SyntaxError' || 'syscall' in thrown || /^(FST_|ERR_|HPE_)/.test(`${thrown.code}`)
  return isOfTheInside ? undefined : thrown.message
}

/** The headers that it wants in its reply, such as `retry-after`. */
export function headersOf(thrown: unknown): Record<string, string> {
  const headers = isObject(thrown) && isObject(thrown.headers) ? thrown.headers : {}
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

export function isValidationError(
  thrown: unknown
): thrown is FastifyError & Required<Pick<FastifyError, 'validation'>> {
  return thrown instanceof Error && 'validation' in thrown && Array.isArray(thrown.validation)
}
