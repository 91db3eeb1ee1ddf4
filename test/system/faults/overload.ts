import { setTimeout as sleep } from 'node:timers/promises'
import type { Attacks, Context } from './attack.ts'
import { load } from './load.ts'

const path = '/burn?ms=5'

/** What the service can do at all, in requests a second: four clients that each wait for their reply. */
async function capacity(url: string) {
  const { ok, seconds } = await load({ url, path, clients: 4, seconds: 2 })
  return ok / seconds
}

async function overload({ serve, quick }: Context, times: number) {
  const { url, alive, stderr } = await serve()
  const seconds = quick ? 5 : 15
  await capacity(url)
  const before = await capacity(url)
  const report = await load({ url, path, rate: before * times, seconds })
  await sleep(5000)
  const after = await load({ url, path, rate: before / 2, seconds: 2 })
  const fresh = await serve()
  const most = Math.min(before, await capacity(fresh.url)) // the machine may have slowed down meanwhile
  const goodput = report.good / report.seconds / most
  const least = quick ? 0.5 : 0.85 // in 5 s the first counts much, in which refusing is not compiled yet
  return {
    tried: `${times} x ${before.toFixed(0)} requests a second of 5 ms CPU, open loop, ${seconds} s`,
    lost: `goodput ${(100 * goodput).toFixed(0)}% of capacity, admitted p99 ${report.p99.toFixed(0)} ms, ${report.shed} of ${report.sent} shed, ${report.failed} failed; 5 s after ${after.shed + after.failed} of ${after.sent}`,
    timed: true as const,
    limit: `at least ${100 * least}%; 500 ms; 0 failed; 0 after`,
    pass:
      report.sent > 0 &&
      goodput >= least &&
      report.p99 <= 500 &&
      report.failed + report.errors.length + after.shed + after.failed === 0 &&
      alive() &&
      stderr() === ''
  }
}

export const attacks: Attacks = {
  async 'overload-0.8'({ serve, quick }) {
    const { url } = await serve()
    await capacity(url)
    const most = await capacity(url)
    const report = await load({ url, path, rate: 0.8 * most, seconds: quick ? 5 : 15 })
    return {
      tried: `0.8 x ${most.toFixed(0)} requests a second of 5 ms CPU, open loop`,
      lost: `${report.shed} of ${report.sent} shed, ${report.failed} failed, p99 ${report.p99.toFixed(0)} ms`,
      limit: '0',
      timed: true,
      pass: report.sent > 0 && report.ok === report.sent
    }
  },
  'overload-2': (context) => overload(context, 2),
  'overload-5': (context) => overload(context, 5),
  'overload-10': (context) => overload(context, 10)
}
