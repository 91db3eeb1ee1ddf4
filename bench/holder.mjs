// Opens connections to a server, takes one reply on each and keeps them; answers over IPC how many are open.
import { once } from 'node:events'
import { connect } from 'node:net'

const [url, count] = process.argv.slice(2)
const { hostname, port } = new URL(url)
let open = 0

async function keep() {
  const socket = connect(Number(port), hostname)
  socket.on('close', () => open--).on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n')
  await once(socket, 'data')
  open++
}

for (let i = 0; i < Number(count); i += 50) await Promise.all(Array.from({ length: 50 }, keep))
process.send('ready')
process.on('message', () => process.send(open)).on('disconnect', () => process.exit())
