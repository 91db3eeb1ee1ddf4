import { load } from '../load.mjs'
import { median, table } from '../report.mjs'
import { launch } from '../server.mjs'

export const contenders = ['fastify', 'this']
export const rounds = 1
export const published = true

const QUARTER = 250_000 // requests
const BUDGET = 1.05

/** The heap after a forced collection, in KiB, at the end of each quarter of a million requests. */
async function quarters(contender, node) {
  const server = await launch(contender, node, ['--expose-gc'])
  try {
    const heaps = []
    while (heaps.length < 4) {
      for (let requests = 0; requests < QUARTER; ) requests += (await load(server, { seconds: 5 })).requests
      heaps.push((await server.ask('heap')) / 1024)
      console.error(`${contender.name}, quarter ${heaps.length}: ${Math.round(heaps.at(-1))} KiB`)
    }
    return { heaps, growth: heaps[3] / heaps[0], rss: (await server.ask('rss')) / 2 ** 20 }
  } finally {
    await server.stop()
  }
}

export default async function memory({ contenders, node, rounds }) {
  const rows = []
  let failed = false
  for (const each of contenders) {
    const results = []
    for (let i = 0; i < rounds; i++) results.push(await quarters(each, node))
    const growth = median(results.map((result) => result.growth))
    const heaps = [0, 1, 2, 3].map((i) => Math.round(median(results.map((result) => result.heaps[i]))))
    rows.push([each.title, ...heaps, growth.toFixed(3), Math.round(median(results.map((result) => result.rss)))])
    failed ||= growth > BUDGET
  }
  const head = ['heap in KiB after', '250,000 requests', '500,000', '750,000', '1,000,000', 'last to first', 'RSS MiB']
  return { text: `${table([head, ...rows])}\n\nBudget for the last to the first: ${BUDGET}.`, failed }
}
