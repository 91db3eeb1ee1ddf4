import { ratios, spread } from '../report.mjs'
import { budgets, compare, interleaved } from './requests.mjs'

export const contenders = ['node', 'fastify', 'express', 'this']
export const rounds = 2
export const seconds = 1

/** A budget is broken only where every window is past it, and the best by this factor: busy, a machine had 1.52 for RSS. */
const MARGIN = 1.25

export default async function quick(settings) {
  const results = await interleaved(settings, 3)
  const broken = budgets.filter(({ field, of, to, budget }) => {
    return Math.min(...ratios(results, of, to, field)) > budget * MARGIN
  })
  const lines = budgets.map((each) => {
    const state = broken.includes(each) ? 'BROKEN' : 'ok'
    return `${state}: ${each.what}: ${spread(ratios(results, each.of, each.to, each.field))}, budget ${each.budget}`
  })
  return { text: `${compare(settings.contenders, results)}\n\n${lines.join('\n')}`, failed: broken.length > 0 }
}
