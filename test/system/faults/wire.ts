import { connect } from 'node:net'

export type Reply = { status: number; headers: Map<string, string>; body: string }

/** The replies in `text`, and what is left of it; every reply of the service but a 1xx has a Content-Length, one without is no reply. */
export function parseReplies(text: string): { replies: Reply[]; rest: string } {
  const replies: Reply[] = []
  let rest = text
  for (;;) {
    const [head = '', status] = /^HTTP\/1\.1 ([1-5]\d\d) [ -~]*\r\n(?:[\w-]+: [ -~]*\r\n)*\r\n/.exec(rest) ?? []
    if (!status) return { replies, rest }
    const headers = new Map(
      head
        .split('\r\n')
        .slice(1, -2)
        .map((line) => {
          const [name = '', value = ''] = line.split(/: (.*)/s)
          return [name.toLowerCase(), value]
        })
    )
    const length = status.startsWith('1') ? 0 : Number(headers.get('content-length'))
    if (!(rest.length >= head.length + length)) return { replies, rest }
    replies.push({ status: Number(status), headers, body: rest.slice(head.length, head.length + length) })
    rest = rest.slice(head.length + length)
  }
}

/** Sends `bytes` (text as latin1) and reads until the service closes; `closed` is false when it has not after `ms`. */
export async function talk(url: string, bytes: string | Buffer, ms = 10_000) {
  const { hostname, port } = new URL(url)
  let text = ''
  let closed = true
  const socket = connect({ port: Number(port), host: hostname, noDelay: true })
  const timer = setTimeout(() => {
    closed = false
    socket.destroy()
  }, ms)
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => {}) // a reset after the answer
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  await new Promise((resolve) => socket.once('close', resolve)) // events.once would throw on the reset
  clearTimeout(timer)
  return { ...parseReplies(text), closed }
}

/** One GET on a connection of its own; status 0 where no answer came. */
export async function request(url: string, path = '/', ms = 10_000): Promise<Reply> {
  const { replies } = await talk(url, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, ms)
  return replies[0] ?? { status: 0, headers: new Map(), body: '' }
}
