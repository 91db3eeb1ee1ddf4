import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { load } from '../load.mjs'
import { middle, spread, table } from '../report.mjs'
import { launch } from '../server.mjs'

export const contenders = ['node', 'fastify', 'fastify-stock', 'this']
export const rounds = 3
export const seconds = 3
export const published = true

const CONNECTIONS = 10_000
const holder = fileURLToPath(new URL('../holder.mjs', import.meta.url))

/** Connections that have had one reply each and are kept alive, held by a process of their own. */
async function hold(url) {
  const child = spawn(process.execPath, [holder, url, String(CONNECTIONS)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  await once(child, 'message')
  return {
    async open() {
      child.send('open')
      return (await once(child, 'message'))[0]
    },
    async release() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}

async function measure(contender, node, seconds) {
  const server = await launch(contender, node, ['--expose-gc'])
  try {
    await load(server, { seconds: 2 })
    const without = await load(server, { seconds })
    await server.ask('heap')
    const before = await server.ask('rss')
    const held = await hold(server.url)
    try {
      await server.ask('heap')
      const after = await server.ask('rss')
      const during = await load(server, { seconds })
      const open = await held.open()
      if (open < CONNECTIONS) throw new Error(`${contender.name} kept ${open} of ${CONNECTIONS} connections`)
      if (during.failed > 0) throw new Error(`${contender.name}: ${during.failed} requests failed`)
      return { kib: (after - before) / 1024 / CONNECTIONS, without: without.p99, during: during.p99 }
    } finally {
      await held.release()
    }
  } finally {
    await server.stop()
  }
}

/** What idle connections cost: memory each, and the p99 of 50 others while they are held. */
export default async function connections({ contenders, node, rounds, seconds }) {
  const results = []
  for (let i = 0; i < rounds; i++) {
    const round = {}
    for (const each of i % 2 === 0 ? contenders : contenders.toReversed()) {
      round[each.name] = await measure(each, node, seconds)
    }
    results.push(round)
  }
  const rows = contenders.map(({ name, title }) => [
    title,
    spread(results.map((round) => round[name].kib)),
    middle(results.map((round) => round[name].without)),
    middle(results.map((round) => round[name].during)),
    spread(results.map((round) => round[name].during / round[name].without))
  ])
  return { text: table([['', `KiB each of ${CONNECTIONS} idle`, 'p99 ms without', 'with', 'ratio'], ...rows]) }
}
