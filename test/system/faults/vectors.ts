/** Raw requests, and what RFC 9110 and 9112 ask of a server that gets them. */
export type Vector = {
  name: string
  bytes: string
  /** `refused`: one reply of these statuses, and the connection closed. `served`: one reply, and the next request is served. */
  answer: 'refused' | 'served' | 'either'
  statuses: number[]
}

export const vectors: Vector[] = []
const add =
  (answer: Vector['answer'], fallback: number[]) =>
  (name: string, bytes: string, ...statuses: number[]) =>
    vectors.push({ name, bytes, answer, statuses: statuses.length > 0 ? statuses : fallback })
const refused = add('refused', [400])
const served = add('served', [200])
/** Where the RFCs leave the choice, or where versions of Node differ and both are sound. */
const either = add('either', [200, 400])

const H = 'Host: x\r\n'
const get = (line: string, fields = H) => `GET ${line}\r\n${fields}\r\n`
const fields = (text: string) => get('/ HTTP/1.1', `${H}${text}\r\n`)
const post = (text: string, body = '') =>
  `POST /any HTTP/1.1\r\n${H}Content-Type: application/json\r\n${text}\r\n\r\n${body}`
const coded = (value: string, body = '1\r\n1\r\n0\r\n\r\n') => post(`Transfer-Encoding: ${value}`, body)
const chunks = (body: string) => coded('chunked', body)
const long = (length: number) => 'a'.repeat(length)

// Sound requests
served('plain GET', get('/ HTTP/1.1'))
served('empty lines first', `\r\n\r\n${get('/ HTTP/1.1')}`)
served('Content-Length', post('Content-Length: 1', '1'))
served('chunked', chunks('1\r\n1\r\n0\r\n\r\n'))
served('CHUNKED', coded('CHUNKED'))
served('GET with a body', fields('Content-Length: 5') + long(5))
served('GET with a chunked body', `${fields('Transfer-Encoding: chunked')}5\r\naaaaa\r\n0\r\n\r\n`)
served('obs-text in a value', fields('A: \xff'))
served('Expect that nobody knows', fields('Expect: tea'))
either('Upgrade: websocket', fields('Connection: Upgrade\r\nUpgrade: websocket'))
either('Upgrade: h2c', fields('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA'))
served('OPTIONS *', `OPTIONS * HTTP/1.1\r\n${H}\r\n`, 405)
served('TRACE', `TRACE / HTTP/1.1\r\n${H}\r\n`, 405)
served('PROPFIND', `PROPFIND / HTTP/1.1\r\n${H}\r\n`, 405)
served('dot segments', get('/../../etc/passwd HTTP/1.1'), 404)
served('two slashes first', get('//x.example/ HTTP/1.1'), 404)
served('%00', get('/%00 HTTP/1.1'), 404)
refused('bad percent-encoding', get('/%zz HTTP/1.1'), 400)

// Absolute form and authority form
served('absolute form', get('http://x/ HTTP/1.1'))
served('absolute form, no path', get('http://x HTTP/1.1'))
served('absolute form, no path, query', get('http://x?name=Ada HTTP/1.1'))
served('absolute form, other host', get('http://y/ HTTP/1.1'))
either('absolute form, other scheme', get('ftp://x/nothing HTTP/1.1'), 400, 404)
refused('absolute form, no host', get('http:///livez HTTP/1.1'), 400)
refused('absolute form without Host', get('http://x/ HTTP/1.1', ''))
refused('authority form', get('x:80 HTTP/1.1'))
refused('CONNECT', 'CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n', 405)
refused('CONNECT /', `CONNECT / HTTP/1.1\r\n${H}\r\n`, 400, 405)

// Request line
refused('GET *', get('* HTTP/1.1'))
refused('relative target', get('nothing HTTP/1.1'))
refused('fragment', get('/#a HTTP/1.1'))
refused('NUL in the target', get('/\0 HTTP/1.1'))
refused('tab in the target', get('/\ta HTTP/1.1'))
refused('high byte in the target', get('/\xff HTTP/1.1'))
refused('backslash', get('\\ HTTP/1.1'))
refused('no target', get('HTTP/1.1'))
refused('tab for space', `GET\t/ HTTP/1.1\r\n${H}\r\n`)
refused('space first', ` ${get('/ HTTP/1.1')}`)
refused('space last', get('/ HTTP/1.1 '))
either('two spaces', get(' / HTTP/1.1'))
refused('lower-case method', `get / HTTP/1.1\r\n${H}\r\n`)
refused('unknown method', `TEA / HTTP/1.1\r\n${H}\r\n`, 400, 501)
refused('method with a colon', `GET: / HTTP/1.1\r\n${H}\r\n`)
refused('HTTP/0.9, short', 'GET /\r\n\r\n')
for (const version of ['0.9', '1.2', '1.11', '01.1', '2.0', '2', '3.0', '1,1', ' 1.1', '-1.1', '1.1\0'])
  refused(`HTTP/${version}`, get(`/ HTTP/${version}`), 400, 505)
refused('http/1.1', get('/ http/1.1'))
refused('another protocol', get('/ TEA/1.1'))
refused('TLS ClientHello', `\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03${long(200)}`)
refused('SSLv2 hello', `\x80\x2e\x01\x00\x02${long(40)}`)
refused('HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
refused('SSH banner', 'SSH-2.0-OpenSSH_9.2\r\n')
refused('20 KB of target', get(`/${long(20_000)} HTTP/1.1`), 414, 431)
refused('20 KB of method', `${long(20_000)} / HTTP/1.1\r\n${H}\r\n`, 400)

// Lines
refused('bare LF after the request line', `GET / HTTP/1.1\n${H}\r\n`)
refused('bare LF everywhere', 'GET / HTTP/1.1\nHost: x\n\n')
refused('bare LF after a field', get('/ HTTP/1.1', 'Host: x\nA: b\r\n'))
refused('bare LF at the end', 'GET / HTTP/1.1\r\nHost: x\r\n\n')
refused('bare CR for a line end', get('/ HTTP/1.1', 'Host: x\rA: b\r\n'))
refused('bare CR in a value', fields('A: b\rc'))
refused('CR CR LF', get('/ HTTP/1.1', 'Host: x\r\r\n'))
refused('folded field', fields('A: b\r\n c'))
refused('folded with a tab', fields('A: b\r\n\tc'))
refused('folded first field', get('/ HTTP/1.1', ' Host: x\r\n'))
refused('folded Transfer-Encoding', coded('\r\n chunked'))

// Fields
refused('space before the colon', fields('A : b'))
refused('space before the colon of Host', get('/ HTTP/1.1', 'Host : x\r\n'))
refused('tab before the colon', fields('A\t: b'))
refused('no colon', fields('nothing'))
refused('no name', fields(': b'))
for (const character of ['(', ' ', '\0', '\xff', '"', '/', '@', '{', '\x7f'])
  refused(`${JSON.stringify(character)} in a name`, fields(`A${character}B: c`))
for (const character of ['\0', '\x01', '\x0b', '\x1f', '\x7f'])
  refused(`${JSON.stringify(character)} in a value`, fields(`A: b${character}c`))
refused('20 KB of a value', fields(`A: ${long(20_000)}`), 431)
refused('20 KB of a name', fields(`${long(20_000)}: b`), 431)
refused('20 KB of fields', fields(`A: ${long(100)}\r\n`.repeat(200).slice(0, -2)), 431)
refused('2,500 fields', fields('a: b\r\n'.repeat(2500).slice(0, -2)), 431)
refused('2,500 empty fields, a second Host last', fields(`${'a:\r\n'.repeat(2500)}Host: y`), 400, 431)
refused('1,200 fields, a second Host last', fields(`${'a:\r\n'.repeat(1200)}Host: y`), 400, 431)
refused('900 fields, a second Host last', fields(`${'a:\r\n'.repeat(900)}Host: y`))

// Host
refused('no Host', get('/ HTTP/1.1', ''))
refused('two Hosts', get('/ HTTP/1.1', `${H}${H}`))
refused('two Hosts, different', get('/ HTTP/1.1', `${H}hOST: y\r\n`))
for (const host of ['a b', 'a/b', 'a@b', 'a, b', 'a:8x', 'a:80:80', '\xff', 'a?b', 'a#b', '[::1', 'a\\b', '<a>'])
  refused(`Host: ${host}`, get('/ HTTP/1.1', `Host: ${host}\r\n`))
for (const host of ['', 'a:80', 'a:', '[::1]:80', '%61', 'a_b'])
  served(`Host: ${host}`, get('/ HTTP/1.1', `Host: ${host}\r\n`))

// Content-Length
for (const value of [
  '+1',
  '-1',
  '0x1',
  '1_0',
  '1.0',
  '1 1',
  '',
  '1, 1',
  '1,2',
  '"1"',
  '1e0',
  '\x0b1',
  '9'.repeat(25),
  'a'
])
  refused(`Content-Length: ${value.slice(0, 12)}`, post(`Content-Length: ${value}`, '1'))
refused('Content-Length twice', post('Content-Length: 1\r\nContent-Length: 1', '1'))
refused('Content-Length twice, different', post('Content-Length: 1\r\nContent-Length: 5', '1'))
refused('Content-Length twice, zero first', fields('Content-Length: 0\r\nContent-Length: 44'))
refused('Content-Length of petabytes', post('Content-Length: 9007199254740993'), 413)
either('Content-Length between tabs', post('Content-Length:\t1\t', '1'))
served('Content-Length with zeros first', post('Content-Length: 0001', '1'))
served('Content-Length, spaces after', post('Content-Length: 1  ', '1'))

// Transfer-Encoding
refused('CL.TE', post('Content-Length: 6\r\nTransfer-Encoding: chunked', '0\r\n\r\n'))
refused('TE.CL', post('Transfer-Encoding: chunked\r\nContent-Length: 4', '1\r\n1\r\n0\r\n\r\n'))
refused('TE.CL, zero', post('Transfer-Encoding: chunked\r\nContent-Length: 0', '0\r\n\r\n'))
for (const value of [
  'identity',
  'identity, chunked',
  'chunked, identity',
  'chunked, chunked',
  'gzip',
  'gzip, chunked',
  'xchunked',
  'chunkedx',
  '"chunked"',
  "'chunked'",
  'chunked;q=1',
  'chunked,',
  ',chunked',
  '\x0bchunked',
  'chunked\x0b',
  'chunked\0',
  'chunk',
  'ch unked',
  ''
])
  refused(`Transfer-Encoding: ${JSON.stringify(value).slice(1, -1)}`, coded(value), 400, 501)
for (const second of ['identity', 'chunked', 'x', ''])
  refused(`Transfer-Encoding twice, then "${second}"`, coded(`chunked\r\nTransfer-Encoding: ${second}`), 400, 501)
refused('Transfer-Encoding twice, identity first', coded('identity\r\nTransfer-Encoding: chunked'), 400, 501)
refused('Transfer-Encoding, space before the colon', post('Transfer-Encoding : chunked', '0\r\n\r\n'))
refused('Transfer-Encoding in HTTP/1.0', coded('chunked').replace('HTTP/1.1', 'HTTP/1.0'))
refused('both in HTTP/1.0', post('Content-Length: 1\r\nTransfer-Encoding: chunked', '1').replace('/1.1', '/1.0'))
refused('Transfer_Encoding next to Content-Length', post('Transfer Encoding: chunked\r\nContent-Length: 1', '1'))

// Chunks
for (const size of ['+1', '-1', '0x1', '1_0', ' 1', '', 'g', '1\0', '1,', 'F'.repeat(17), '1\x0b', '1h'])
  refused(`chunk size ${JSON.stringify(size)}`, chunks(`${size}\r\n1\r\n0\r\n\r\n`))
either('chunk size "1 "', chunks('1 \r\n1\r\n0\r\n\r\n'))
refused('chunk size 2^64-1', chunks('ffffffffffffffff\r\n1'), 400, 408, 413)
served('chunk size with zeros first', chunks('00001\r\n1\r\n0\r\n\r\n'))
refused('chunk size, then LF', chunks('1\n1\r\n0\r\n\r\n'))
refused('chunk, then LF', chunks('1\r\n1\n0\r\n\r\n'))
refused('chunk, then CR', chunks('1\r\n1\r0\r\n\r\n'))
refused('chunk longer than its size', chunks('1\r\n11\r\n0\r\n\r\n'))
refused('chunk shorter than its size', chunks('3\r\n1\r\n0\r\n\r\n'), 400, 408)
refused('chunk size, then CR CR LF', chunks('1\r\r\n1\r\n0\r\n\r\n'))
refused('last chunk, then LF', chunks('1\r\n1\r\n0\n\n'))
refused('last chunk, CRLF, LF', chunks('1\r\n1\r\n0\r\n\n'))
refused('last chunk, CRLF, CR', chunks('1\r\n1\r\n0\r\n\rX'))
served('chunk extension', chunks('1;a=b\r\n1\r\n0\r\n\r\n'))
served('chunk extension, quoted', chunks('1;a="b;c"\r\n1\r\n0\r\n\r\n'))
refused('chunk extension with LF', chunks('1;a=b\n1\r\n0\r\n\r\n'))
refused('chunk extension with CR', chunks('1;a\rb\r\n1\r\n0\r\n\r\n'))
refused('chunk extension with NUL', chunks('1;a\0b\r\n1\r\n0\r\n\r\n'))
refused('chunk extension, open quote, LF', chunks('1;a="b\n1\r\n0\r\n\r\n'))
refused('chunk extension of 20 KB', chunks(`1;${long(20_000)}\r\n1\r\n0\r\n\r\n`), 400, 413)
served('trailer', chunks('1\r\n1\r\n0\r\nA: b\r\n\r\n'))
refused('trailer without a colon', chunks('1\r\n1\r\n0\r\nA b\r\n\r\n'))
refused('trailer with a space before the colon', chunks('1\r\n1\r\n0\r\nA : b\r\n\r\n'))
refused('trailer with bare LF', chunks('1\r\n1\r\n0\r\nA: b\n\r\n'))
either('trailer Content-Length', chunks('1\r\n1\r\n0\r\nContent-Length: 50\r\n\r\n'))
either('trailer Host', chunks('1\r\n1\r\n0\r\nHost: y\r\n\r\n'))
refused('trailer of 20 KB', chunks(`1\r\n1\r\n0\r\nA: ${long(20_000)}\r\n\r\n`), 400, 431)

// Errors behind something sound
refused('bad chunks behind a body that nobody reads', chunks('+1\r\n1\r\n0\r\n\r\n').replace('/any', '/'), 400, 405)
refused('bad chunks, no type', chunks('+1\r\n').replace(/Content-Type.*\r\n/, ''), 400, 415)
refused('bad chunks, no type, no such route', chunks('+1\r\n').replace(/any(.*)Content-Type.*?\r\n/s, 'none$1'), 404)
refused('bad URL and bad framing', get('/% HTTP/1.1', `${H}Transfer-Encoding: identity\r\nContent-Length: 9\r\n`))
refused('bad URL, short', 'GET /%\r\n\r\n')
refused('PRI, short', 'PRI *,HTTP/2.0\r\n\r\nSM\r\n\r', 400, 404)
refused('bad framing behind an unknown type', chunks('+1\r\n').replace('/json', '/tea'), 400, 415)
