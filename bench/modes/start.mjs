import { middle, ratios, spread, table, values, verdict } from '../report.mjs'
import { launch } from '../server.mjs'

export const contenders = ['fastify', 'node', 'fastify-stock', 'this', 'this-no-docs']
export const rounds = 15
export const published = true

async function once(contender, node) {
  const server = await launch(contender, node)
  const { user, system } = await server.ask('cpu')
  await server.stop()
  return { wall: server.started, cpu: (user + system) / 1000 }
}

/** From spawn to the first connection that is accepted, each time in a new process. */
export default async function start({ contenders, node, rounds }) {
  const results = []
  for (let i = 0; i < rounds; i++) {
    const round = {}
    for (const each of i % 2 === 0 ? contenders : contenders.toReversed()) round[each.name] = await once(each, node)
    results.push(round)
  }
  const [{ name: base }] = contenders
  const rows = contenders.map(({ name, title }) => [
    title,
    ...['wall', 'cpu'].flatMap((field) => [
      middle(values(results, name, field)),
      spread(ratios(results, name, base, field))
    ])
  ])
  const text = table([['', 'ms to the first connection', 'ratio', 'CPU ms', 'ratio'], ...rows])
  const named = contenders.map(({ name }) => name)
  const judged = named.includes('this') && named.includes('fastify')
  const line = judged ? verdict('start, to bare Fastify', ratios(results, 'this', 'fastify', 'wall'), 1.8) : ''
  return { text: `${text}\n\n${line}` }
}
