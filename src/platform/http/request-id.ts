import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The `x-request-id` of the request if it has a safe one, else a new UUID. */
export function requestId({ headers }: IncomingMessage) {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID()
}
