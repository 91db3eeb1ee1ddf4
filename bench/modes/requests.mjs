import { load, measure } from '../load.mjs'
import { middle, ratios, spread, table, values, verdict } from '../report.mjs'
import { launch } from '../server.mjs'

export const rounds = 3
export const seconds = 1
export const published = true

const WARM_UP = 2 // seconds; what is answered cold does not count

/** A window in which anything failed is measured anew, in case the machine stood still; three of them end the run. */
async function window(server, seconds) {
  for (let i = 0; i < 3; i++) {
    const result = await measure(server, { seconds })
    server.requests += result.requests
    if (result.failed === 0) return result
    console.error(`${server.name}: ${result.failed} of ${result.requests} requests failed`)
  }
  throw new Error(`${server.name} failed requests three times, so there is no figure for it`)
}

async function checkLog(server) {
  const lines = await server.logged()
  if (lines < server.requests) throw new Error(`${server.name} logged ${lines} lines of ${server.requests} requests`)
}

/**
 * In each round every contender as a new process, then windows of load that go from one to the next and back: what else
 * the machine does meets them all alike. One result a window, by contender.
 */
export async function interleaved({ contenders, node, rounds, seconds }, windows = 4) {
  const results = []
  for (let i = 0; i < rounds; i++) {
    const servers = []
    try {
      for (const each of contenders) {
        const server = await launch(each, node)
        servers.push(server)
        server.requests = (await load(server, { seconds: WARM_UP })).requests
      }
      for (let j = 0; j < windows; j++) {
        const result = {}
        for (const server of j % 2 === 0 ? servers : servers.toReversed()) {
          result[server.name] = await window(server, seconds)
        }
        results.push(result)
        const text = servers.map(({ name }) => `${name} ${result[name].cpu.toFixed(1)}`).join(', ')
        console.error(`round ${i + 1} of ${rounds}, µs a request: ${text}`)
      }
      for (const server of servers.filter(({ logs }) => logs)) await checkLog(server)
    } finally {
      for (const server of servers) await server.stop()
    }
  }
  return results
}

export const budgets = [
  { field: 'cpu', of: 'this', to: 'node', budget: 2.4, what: 'CPU per request, to bare node:http' },
  { field: 'cpu', of: 'this', to: 'express', budget: 1, what: 'CPU per request, to bare Express 5' },
  { field: 'rss', of: 'this', to: 'fastify', budget: 1.4, what: 'RSS under load, to bare Fastify' }
]

export function compare(contenders, results) {
  const [{ name: base }] = contenders
  const head = ['', 'CPU µs a request', 'ratio', 'requests/s', 'ratio', 'p99 ms', 'ratio', 'RSS MiB', 'ratio']
  const rows = contenders.map(({ name, title }) => [
    title,
    ...['cpu', 'rate', 'p99', 'rss'].flatMap((field) => [
      middle(values(results, name, field)),
      spread(ratios(results, name, base, field))
    ])
  ])
  return table([head, ...rows])
}

export default async function requests(settings) {
  const { contenders } = settings
  const results = await interleaved(settings)
  const has = (name) => contenders.some((each) => each.name === name)
  const verdicts = budgets
    .filter(({ of, to }) => has(of) && has(to))
    .map(({ field, of, to, budget, what }) => verdict(what, ratios(results, of, to, field), budget))
  return { text: `${compare(contenders, results)}\n\n${verdicts.join('\n')}` }
}
