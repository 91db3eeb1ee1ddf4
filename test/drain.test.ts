import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { test } from 'tap'
import { start } from './helper.ts'

test('while it drains, a request on a kept connection is answered and is the last on it', async (t) => {
  const { child, url, exit } = await start(t, { DRAIN_DELAY_MS: '1000' })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const send = async () => {
    const request = get(url, { agent })
    const [response]: IncomingMessage[] = await once(request, 'response')
    await once(response?.resume() ?? request, 'end')
    return [request.reusedSocket, response?.statusCode, response?.headers.connection]
  }
  t.same(await send(), [false, 200, 'keep-alive'])
  child.kill('SIGTERM')
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.same(await send(), [true, 200, 'close'])
  t.same(await send(), [false, 200, 'close'], 'new connections are served too')
  t.same(await exit, { code: 0, signal: null })
})
