import { type IncomingMessage, METHODS } from 'node:http'

/** The longest path that is routed, in characters, without the query. The router decodes each path more than once. */
const MAX_PATH = 2048

/** What is routed in place of a request that cannot be. It is no valid target, so the request checks refuse it. */
const UNROUTABLE = '**'

const methods = new Set(METHODS)

/** Whether the path of `url` is longer than 2,048 characters. */
export const isTooLong = (url: string) => url.length > MAX_PATH && url.search(/\?|$/) > MAX_PATH

/**
 * The URL to route `request` by, for Fastify's `rewriteUrl`: its own, or `**` where routing would cost too much. That
 * is a path that is too long, or a method that only the parser knows: it also reads RTSP/1.0 and RTSP/1.1, and Fastify
 * logs its whole routing tree for a method such as DESCRIBE. Such a request becomes an OPTIONS request.
 *
 * GET, POST and OPTIONS of RTSP look like HTTP here: Node does not expose the protocol's name (llhttp's `on_protocol`).
 */
export function routableUrl(request: IncomingMessage): string {
  const { url = '', method = '' } = request
  if (!methods.has(method)) request.method = 'OPTIONS'
  else if (!isTooLong(url)) return url
  return UNROUTABLE
}
