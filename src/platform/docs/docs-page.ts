import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendProblem } from '../problem/problem.ts'
import { packageInfo } from './openapi-options.ts'

/** Loads again after a failure: see openapi-document.ts. */
const require = createRequire(import.meta.url)
/** Bytes of a file that are read ahead of the client. */
const highWaterMark = 16_384
const root = fileURLToPath(new URL('static/', import.meta.resolve('@fastify/swagger-ui')))

/** The page needs no inline script and no inline style, and upgrades nothing to https. docs/security.md explains both. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()'
}

const html = (title: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title}</title>
<link rel="icon" type="image/png" href="/docs/static/favicon-32x32.png">
<link rel="stylesheet" href="/docs/static/swagger-ui.css">
<link rel="stylesheet" href="/docs/static/index.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/static/swagger-ui-bundle.js"></script>
<script src="/docs/initializer.js"></script>
</body>
</html>
`

const initializer = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
  oauth2RedirectUrl: location.origin + '/docs/static/oauth2-redirect.html'
})
`

/** The page itself: Swagger UI, which reads `/openapi.json`. */
export function sendPage(reply: FastifyReply) {
  return reply.headers(headers).type('text/html; charset=utf-8').send(html(packageInfo().name))
}

export function sendInitializer(reply: FastifyReply) {
  return reply.headers(headers).type('text/javascript; charset=utf-8').send(initializer)
}

/** A file of Swagger UI, read from disk as fast as the client reads, with an ETag. 404 where there is no such file. */
export async function sendFile({ raw }: FastifyRequest, path: string, reply: FastifyReply) {
  const { send }: typeof import('@fastify/send') = require('@fastify/send')
  const file = await send(raw, encodeURI(path), { root, index: false, acceptRanges: false, highWaterMark })
  if (file.type === 'file') {
    const { statusCode, stream } = file
    return reply.code(statusCode).headers(file.headers).headers(headers).send(stream)
  }
  file.stream.destroy()
  if (file.type === 'directory') return sendProblem(reply, 404)
  if (file.statusCode >= 500) throw file.metadata.error
  return sendProblem(reply, file.statusCode)
}
