import type { FastifyError } from 'fastify'
import createError from 'http-errors'
import type { Problem } from '../problem/problem-schema.ts'

/** How to answer something that was thrown. */
type Answer = {
  readonly status: number
  /** Whether the reply does not say what went wrong, so that the log has to. */
  readonly isInternal: boolean
  readonly more?: Partial<Pick<Problem, 'type' | 'detail' | 'code' | 'errors'>>
  readonly headers?: Readonly<Record<string, string>>
}

/** Where input comes in, as OpenAPI names it. */
const places = { querystring: 'query', params: 'path', headers: 'header', body: 'body' } as const

/** Headers that belong to the connection, the body, or the service. */
const reserved =
  /^(connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|content-.*|set-cookie|date|server|x-request-id)$/i
const uriReference = /^[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/
const ownCode = /^[\w.:-]{1,64}$/
const codeOfLibrary = /^(FST|ERR|HPE|UND_ERR)_/

type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields => value instanceof Object
const isErrorStatus = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 400 && Number(value) < 600

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

type ValidationError = FastifyError & Required<Pick<FastifyError, 'validation'>>

function isValidationError(thrown: unknown): thrown is ValidationError {
  return thrown instanceof Error && 'validation' in thrown && Array.isArray(thrown.validation)
}

/** An error of Fastify, of one of its plugins, or of Node's parser: its message may repeat what was sent. */
const isOfFramework = ({ name, code }: Fields) =>
  (name === 'FastifyError' && /^FST_/.test(`${code}`)) || /^(HPE_|ERR_HTTP_REQUEST_TIMEOUT$)/.test(`${code}`)

/** The errors of @fastify/busboy have no status and no code. */
const isMalformedMultipart = ({ message }: Fields) =>
  /^Multipart: |unexpected end of multipart data$|^The needle cannot have a length/i.test(`${message}`)

/** What an error that is meant for clients tells them. */
function answerToClient(error: createError.HttpError): Answer {
  const { statusCode: status, message, type, code, headers } = error
  const more = {
    ...(isText(type) && uriReference.test(type) && { type }),
    ...(isText(message) && { detail: message }),
    ...(isText(code) && ownCode.test(code) && !codeOfLibrary.test(code) && { code })
  }
  const sent = Object.entries(isObject(headers) ? headers : {}).filter(([name]) => !reserved.test(name))
  return {
    status,
    isInternal: false,
    more,
    headers: Object.fromEntries(sent.map(([name, value]) => [name, `${value}`]))
  }
}

function answerToValidation({ validation, validationContext = 'body' }: ValidationError, status: number): Answer {
  const errors = validation.map(({ instancePath, message = 'is not valid' }) => {
    return { in: places[validationContext], path: instancePath, message }
  })
  return { status, isInternal: false, more: { detail: 'The request does not match its schema.', errors } }
}

/**
 * How to answer what was thrown, or sent as an error, where `current` is the status of the reply. Only errors made by
 * http-errors with `expose`, and failed validations, tell clients what they say. Of all others a client sees a status
 * below 500 and a fixed text; those of Fastify keep any status. The text of a 5xx is always fixed.
 */
export function answerTo(thrown: unknown, current: number): Answer {
  const fields: Fields = isObject(thrown) ? thrown : {}
  const own = isErrorStatus(fields.statusCode) ? fields.statusCode : undefined
  const inherited = current < 400 ? 500 : current
  const status = own ?? inherited
  if (isValidationError(thrown) && status < 500) return answerToValidation(thrown, status)
  if (own !== undefined && thrown instanceof createError.HttpError) {
    return thrown.expose && own < 500 ? answerToClient(thrown) : { status: own, isInternal: true }
  }
  if (own !== undefined && isOfFramework(fields)) return { status: own, isInternal: own >= 500 }
  if (own === undefined && isMalformedMultipart(fields)) return { status: 400, isInternal: true }
  return { status: own !== undefined && own < 500 ? own : inherited, isInternal: true }
}

/** The code of an error, for the log. */
export function codeOf(thrown: unknown): string | undefined {
  return isObject(thrown) && isText(thrown.code) ? thrown.code : undefined
}
