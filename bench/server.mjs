import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createReadStream, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const probe = new URL('./probe.mjs', import.meta.url).href

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

/**
 * Starts `contender` under `node` as a process of its own, in an empty directory, its output in a file there. Resolves
 * with the first connection that it accepts; `started` is the time until then, in ms.
 */
export async function launch(contender, node, args = []) {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'))
  const log = join(directory, 'log')
  const output = openSync(log, 'w')
  const port = await freePort()
  const begin = performance.now()
  const child = spawn(node, [...args, '--import', probe, ...contender.args, contender.file], {
    cwd: directory,
    env: { ...contender.env, PATH: process.env.PATH, PORT: String(port) },
    stdio: ['ignore', output, output, 'ipc']
  })
  closeSync(output)
  child.on('error', () => {}) // the exit below says it
  const exit = once(child, 'exit')
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() - begin > 30_000) {
      throw new Error(`${contender.name} did not start: ${readFileSync(log, 'utf8').slice(-2000)}`)
    }
    await sleep(1)
  }
  const started = performance.now() - begin
  const url = `http://127.0.0.1:${port}/`
  await check(contender.name, url)
  return {
    name: contender.name,
    logs: contender.logs,
    url,
    started,
    async ask(question) {
      child.send(question)
      const [{ answer }] = await once(child, 'message')
      return answer
    },
    /** Lines of output, once what is held back has been written. */
    async logged() {
      await sleep(300)
      let lines = 0
      for await (const chunk of createReadStream(log)) for (const byte of chunk) if (byte === 10) lines++
      return lines
    },
    async stop() {
      child.kill('SIGKILL')
      await exit
      rmSync(directory, { recursive: true })
    }
  }
}

/** Refuses a contender that does not answer what all have to; one that sheds its first, cold requests is asked again. */
async function check(name, url) {
  for (let tries = 1; ; tries++) {
    const response = await fetch(url, { headers: { connection: 'close' } })
    const type = response.headers.get('content-type')
    const body = await response.text()
    const alike = /^application\/json(; charset=utf-8)?$/i.test(type) && body === '{"message":"Hello, World!"}'
    if (response.status === 200 && alike) return
    if (response.status !== 503 || tries === 10) throw new Error(`${name} answered ${response.status} ${type} ${body}`)
    await sleep(200)
  }
}
