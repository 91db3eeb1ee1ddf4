import { load } from '../load.mjs'
import { table } from '../report.mjs'
import { launch } from '../server.mjs'

export const contenders = ['this']
export const rounds = 1
export const seconds = 5
export const published = true

const TOP = 10

/** `plugins/metrics.js:46`, or what V8 names without a file, such as (garbage collector). */
function place({ functionName, url, lineNumber }) {
  const file = url
    .replace(/^file:\/\//, '')
    .replace(/^.*\/node_modules\//, '')
    .replace(/^.*\/dist\//, '')
  return `${functionName || 'anonymous'}${file ? ` (${file}:${lineNumber + 1})` : ''}`
}

/** Shares of the time on the CPU, by `key` of the call frame; without what is idle, and without the profiler's start. */
function shares({ nodes, samples, timeDeltas }, key) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const sums = new Map()
  let total = 0
  samples.forEach((id, i) => {
    const frame = frames.get(id)
    if (frame.functionName === '(idle)' || frame.url === 'node:inspector') return
    total += timeDeltas[i]
    sums.set(key(frame), (sums.get(key(frame)) ?? 0) + timeDeltas[i])
  })
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .slice(0, TOP)
    .map(([name, sum]) => [`\`${name}\``, ((100 * sum) / total).toFixed(1)])
}

const part = ({ functionName, url }) =>
  url === ''
    ? functionName || 'anonymous'
    : url.startsWith('node:')
      ? 'node'
      : (/.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? url.replace(/^.*\/dist\//, ''))

/** Where the time goes under load, by V8's sampling profiler: self time by function, and by package or file. */
export default async function profile({ contenders, node, seconds }) {
  const texts = []
  for (const each of contenders) {
    const server = await launch(each, node)
    try {
      await load(server, { seconds: 3 })
      await server.ask('profile')
      await load(server, { seconds })
      const profile = await server.ask('profiled')
      texts.push(table([[`${each.title}: self time by function`, '%'], ...shares(profile, place)]))
      texts.push(table([[`${each.title}: self time by package or file`, '%'], ...shares(profile, part)]))
    } finally {
      await server.stop()
    }
  }
  return { text: texts.join('\n\n') }
}
