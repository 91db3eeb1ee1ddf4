import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type Attacks, inParallel, list } from './attack.ts'
import { request, talk } from './wire.ts'

type Body = { name: string; path: string; type: string; body: Buffer | string; statuses: number[]; fields: string }
const bodies: Body[] = []
const add = (name: string, body: Buffer | string, statuses: number[], more: Partial<Body> = {}) =>
  bodies.push({ name, path: '/any', type: 'application/json', body, statuses, fields: '', ...more })

const DEEP = 100_000
const items = { path: '/items' }
add('100,000 arrays deep', '['.repeat(DEEP) + ']'.repeat(DEEP), [200])
add('100,000 objects deep', `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`, [200])
add('100,000 deep, never closed', '['.repeat(DEEP), [400])
add('100,000 deep, __proto__ inside', `${'{"a":'.repeat(DEEP)}{"__proto__":1}${'}'.repeat(DEEP)}`, [400])
add('100,000 deep where a name is asked for', `{"name":${'['.repeat(DEEP)}${']'.repeat(DEEP)}}`, [400], items)
add('100,000 unknown fields', `{${Array.from({ length: DEEP / 2 }, (_, i) => `"${i}":1`)}}`, [400], items)
add('a long run of escapes', `"${'\\u0000'.repeat(DEEP)}"`, [200])
add('a number of 100,000 digits', '9'.repeat(DEEP), [200])

add('empty', '', [400])
add('half an object', '{"name":', [400])
add('two values', '{} {}', [400])
add('NaN', 'NaN', [400])
add('a comment', '{/**/}', [400])
add('NUL', '\0', [400])
add('BOM', Buffer.from('\ufeff{"name":"a"}'), [200, 400], items)
add('bad UTF-8', Buffer.from('{"name":"\xff\xfe\xc0\x80"}', 'latin1'), [200, 400], items)
add('UTF-16', Buffer.from('{"name":"a"}', 'utf16le'), [400], items)
add('half a surrogate pair', '{"name":"\\ud800"}', [200, 400], items)
add('number for a string', '{"name":1}', [400], items)
add('string for a number', '{"name":"a","count":"1"}', [400], items)
add('Infinity by exponent', '{"name":"a","count":1e999}', [400], items)
add('null', 'null', [400], items)
add('array', '[{"name":"a"}]', [400], items)
add('unknown field', '{"name":"a","admin":true}', [400], items)
add('toString for a field', '{"name":"a","toString":1}', [400], items)

add('__proto__', '{"name":"a","__proto__":{"polluted":1}}', [400])
add('__proto__, escaped', '{"name":"a","\\u005f_proto__":{"polluted":1}}', [400])
add('__proto__, deep', '{"a":[{"b":{"__proto__":{"polluted":1}}}]}', [400])
add('constructor.prototype', '{"constructor":{"prototype":{"polluted":1}}}', [400])
add('constructor, escaped', '{"c\\u006fnstructor":{"prototype":{"polluted":1}}}', [400])

const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
const gzip = (fields: string) => ({ ...items, fields: `Content-Encoding: ${fields}\r\n` })
add('gzip', gzipSync('{"name":"a"}'), [400, 415], gzip('gzip'))
add('gzip bomb, 64 MiB', bomb, [400, 415], gzip('gzip'))
add('deflate, br, gzip', gzipSync('{"name":"a"}'), [400, 415], gzip('deflate, br, gzip'))

const sly = '{"name":1,"admin":true}'
for (const type of [
  'application/json\t',
  'application/json;',
  'application/json ;charset=utf-8',
  'application/json;charset=utf-16',
  'APPLICATION/JSON',
  'application/json, text/plain',
  'application/jsonx',
  'application/json/x',
  'application/vnd.api+json',
  'text/plain',
  'text/plain;a="application/json"',
  'text/html',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=a',
  '*/*',
  ';',
  '/',
  'application/json\xa0',
  'a'.repeat(8000)
])
  add(`a schema evaded as ${JSON.stringify(type).slice(0, 40)}`, sly, [400, 415], { ...items, type })
add('two Content-Types', sly, [400, 415], { ...items, fields: 'Content-Type: text/plain\r\n' })

function bytes({ path, type, body, fields }: Body) {
  const content = Buffer.from(body)
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${type}\r\n${fields}`
  return Buffer.concat([Buffer.from(`${head}Content-Length: ${content.length}\r\n\r\n`, 'latin1'), content])
}

/** The status that a client gets which goes on sending a body far over the limit; `RESET` where it gets none. */
const sendTooMuch = (url: string, framing: string) =>
  new Promise<string>((resolve) => {
    let text = ''
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname).setEncoding('latin1')
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', () => {}).on('close', () => resolve(/^HTTP\/1.1 (\d+)/.exec(text)?.[1] ?? 'RESET'))
    socket.write(`POST /any HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n${framing}\r\n\r\n`)
    const chunk = `10000\r\n${'a'.repeat(65_536)}\r\n`
    let sent = 0
    const more = () => {
      while (socket.writable && sent < 160) {
        sent++
        if (!socket.write(chunk)) return void socket.once('drain', more)
      }
    }
    more()
    setTimeout(() => socket.destroy(), 8000).unref()
  })

export const attacks: Attacks = {
  async bodies({ serve }) {
    const service = await serve({ BODY_LIMIT_BYTES: '1048576', OVERLOAD_DELAY_MS: '0' })
    const wrong: string[] = []
    let slowest = 0
    for (const body of bodies) {
      const start = performance.now()
      const { replies } = await talk(service.url, bytes(body))
      slowest = Math.max(slowest, performance.now() - start)
      const [reply, second] = replies
      if (second || !reply || !body.statuses.includes(reply.status)) wrong.push(`${body.name}: ${reply?.status}`)
      const { body: after } = await request(service.url, '/polluted')
      if (after !== '{}') wrong.push(`${body.name} reached Object.prototype: ${after}`)
    }
    return {
      tried: `${bodies.length} bodies: 100,000 deep, bad UTF-8, compressed, prototypes, content types that evade a schema`,
      lost: `wrong answers ${list(wrong)}; slowest ${slowest.toFixed(0)} ms`,
      limit: '0; no 5xx; 2000 ms',
      pass: wrong.length === 0 && slowest < 2000 && service.alive() && service.stderr() === ''
    }
  },

  async lengths({ serve, quick }) {
    const times = quick ? 5 : 20
    const service = await serve({ REQUEST_TIMEOUT_MS: '1000', OVERLOAD_DELAY_MS: '0' })
    const post = (length: number, body: string) =>
      `POST /any HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n${body}`
    const wrong: string[] = []
    const expect = async (name: string, sent: string, ...statuses: number[]) => {
      const { replies, closed } = await talk(service.url, sent)
      const got = replies.map(({ status }) => status).join()
      if (got !== statuses.join() || !closed) wrong.push(`${name}: ${got}${closed ? '' : ', left open'}`)
    }
    await Promise.all([
      expect('longer than its length', post(3, 'abcdef'), 200, 400),
      expect('shorter than its length', post(9, 'abc'), 408),
      expect('a byte too many', post(65_537, 'a'.repeat(65_537)), 413),
      expect('announced too long', post(10_000_000, 'a'), 413)
    ])
    let resets = 0
    await inParallel(Array(200).keys(), 50, async () => {
      const socket = connect(service.port, '127.0.0.1', () =>
        socket.write(post(9, 'abc'), () => socket.resetAndDestroy())
      )
      socket.on('error', () => {})
      await new Promise((resolve) => socket.once('close', resolve))
      resets++
    })
    for (const framing of ['Content-Length: 10000000', 'Transfer-Encoding: chunked'])
      for (let i = 0; i < times; i++) {
        const status = await sendTooMuch(service.url, framing)
        if (status !== '413') wrong.push(`${framing}, still sending: ${status}`)
      }
    const { status } = await request(service.url)
    return {
      tried: `bodies longer and shorter than they say, ${resets} reset halfway, ${2 * times} of 10 MB that do not stop for the 413`,
      lost: `wrong answers ${list(wrong)}`,
      limit: '0',
      pass: wrong.length === 0 && status === 200 && service.stderr() === ''
    }
  }
}
