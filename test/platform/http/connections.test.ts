import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { listen } from '../helper.ts'

/** What a client receives that sends `head` and then 10 MB, whatever is answered. */
async function sendTooMuch(url: string, head: string) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).setEncoding('latin1')
  let received = ''
  socket.on('data', (text) => {
    received += text
  })
  socket.on('error', () => {}) // the service stops reading in the end
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(head)
  for (let sent = 0; socket.writable && sent < 10_000_000; sent += 65_536) {
    if (!socket.write('a'.repeat(65_536))) await sleep(1)
  }
  await closed
  return received
}

t.test('a client that goes on sending still gets the reason why it is refused', async (t) => {
  const { url } = await listen(t)
  const request = 'POST /any HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 10000000\r\n'
  const received = await Promise.all(Array.from({ length: 10 }, () => sendTooMuch(url, `${request}\r\n`)))
  t.same(
    received.map((text) => text.slice(0, 12)),
    Array(10).fill('HTTP/1.1 413')
  )
  t.match(await sendTooMuch(url, 'GET / HTTP/1.1\r\nhost: '), /^HTTP\/1\.1 431 /)
})
