// What this service sends, logs and counts, written by hand around one route.
import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { createServer } from 'node:http'

const headers = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
  vary: 'Origin'
}

let lines = ''
function flush() {
  if (lines !== '') writeSync(1, lines)
  lines = ''
}
setInterval(flush, 100)

const bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const series = new Map()
function observe(method, route, status, seconds) {
  const key = `${method} ${route} ${status}`
  const counts = series.get(key) ?? { buckets: new Float64Array(bounds.length + 1), sum: 0 }
  if (counts.sum === 0) series.set(key, counts)
  let i = 0
  while (seconds > bounds[i]) i++
  counts.buckets[i]++
  counts.sum += seconds
}

const server = createServer({ keepAliveTimeout: 72_000 }, (request, response) => {
  const start = performance.now()
  const given = request.headers['x-request-id']
  const id = given !== undefined && /^[\w-]{1,64}$/.test(given) ? given : randomUUID()
  const path = request.url.split('?', 1)[0]
  response.once('close', () => {
    const duration = performance.now() - start
    const status = response.writableFinished ? response.statusCode : 499
    observe(request.method, path, status, duration / 1000)
    lines += `{"level":30,"time":${Date.now()},"reqId":"${id}","method":"${request.method}","path":${JSON.stringify(path)},"route":"/","statusCode":${status},"responseTime":${duration},"remoteAddress":"${request.socket.remoteAddress}","msg":"request completed"}\n`
    if (lines.length >= 16_384) flush()
  })
  const found = path === '/' && request.method === 'GET'
  const body = JSON.stringify({ message: found ? 'Hello, World!' : 'Not found' })
  response.writeHead(found ? 200 : 404, {
    ...headers,
    'x-request-id': id,
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length
  })
  response.end(body)
})
server.listen(Number(process.env.PORT), '127.0.0.1')
