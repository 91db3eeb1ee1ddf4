import type { Line } from '../../platform/helper.ts'
import { type Attacks, inParallel, list } from './attack.ts'
import { type Vector, vectors } from './vectors.ts'
import { type Reply, talk } from './wire.ts'

/** Sent right behind every vector, in the same segment. */
const probe = 'GET /?name=probe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
const isProbe = ({ body }: Reply) => body === '{"message":"Hello, probe!"}'

const headers = [
  'content-security-policy',
  'strict-transport-security',
  'x-content-type-options',
  'x-frame-options',
  'referrer-policy',
  'cross-origin-resource-policy',
  'cache-control',
  'x-request-id'
]

/** What is wrong with a reply by itself: every reply has the headers, every error is a problem. */
function flaws({ status, headers: got, body }: Reply): string[] {
  if (status === 100) return []
  const missing = headers.filter((name) => !got.has(name))
  if (status < 400) return missing
  if (got.get('content-type') !== 'application/problem+json') return [...missing, 'no problem']
  const problem = JSON.parse(body)
  const right = problem.status === status && problem.requestId === got.get('x-request-id')
  return right ? missing : [...missing, 'a problem of another shape']
}

function groupById(lines: Line[]) {
  const groups = new Map<string, Line[]>()
  for (const line of lines.filter(({ statusCode }) => statusCode))
    groups.set(String(line.reqId), [...(groups.get(String(line.reqId)) ?? []), line])
  return groups
}

/** Each reply must be in exactly one line, with its status. */
function unlogged(replies: Reply[], lines: Line[]): string[] {
  const byId = groupById(lines)
  return replies.flatMap(({ status, headers }) => {
    const found = status === 100 ? [{ statusCode: 100 }] : (byId.get(headers.get('x-request-id') ?? '') ?? [])
    return found.length === 1 && found[0]?.statusCode === status ? [] : `${found.length} lines for a ${status}`
  })
}

async function judge(url: string, { bytes, answer, statuses }: Vector) {
  const { replies, rest, closed } = await talk(url, bytes + probe)
  const [first, next, ...more] = replies.filter(({ status }) => status !== 100)
  const faults = replies.flatMap(flaws)
  const is = `${first?.status ?? 'no answer'}${next ? `, ${next.status}` : ''}`
  const refused = first !== undefined && !next
  const served = next !== undefined && isProbe(next) && more.length === 0
  if (!closed) faults.push('left open')
  if (rest !== '') faults.push('bytes that are no reply')
  if (!first || !statuses.includes(first.status)) faults.push(`${is} for ${statuses.join(' or ')}`)
  else if (!(answer === 'refused' ? refused : answer === 'served' ? served : refused || served))
    faults.push(`${answer}? ${is}`)
  if (refused && first.status >= 400 && statuses.includes(first.status) && answer === 'refused') {
    const announced = first.headers.get('connection') === 'close'
    if (!announced && first.status === 400) faults.push('closed without saying so')
  }
  return { replies, faults }
}

function randomBySeed(seed: number) {
  let state = seed >>> 0
  return (below: number) => {
    state = (state + 0x6d2b79f5) >>> 0 // mulberry32
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const splinters = [
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  '\0',
  ':',
  ',',
  ';',
  '0',
  '\xff',
  '%',
  '#',
  'Host: y\r\n',
  'chunked',
  '\r\n\r\n',
  probe
]

/** One to four edits of `text`: a byte overwritten, a splinter put in, a stretch cut out or doubled. */
function mutate(text: string, random: (below: number) => number): string {
  let mutated = text
  for (let edits = 1 + random(4); edits > 0; edits--) {
    const at = random(mutated.length + 1)
    const to = at + random(12)
    const middle = mutated.slice(at, to)
    const put = [String.fromCharCode(random(256)), splinters[random(splinters.length)] ?? '', '', middle + middle]
    const cut = [at + 1, at, to, to]
    const kind = random(4)
    mutated = mutated.slice(0, at) + put[kind] + mutated.slice(cut[kind] ?? at)
  }
  return mutated
}

export const attacks: Attacks = {
  async malformed({ serve }) {
    const service = await serve({ REQUEST_TIMEOUT_MS: '1000', OVERLOAD_DELAY_MS: '0' })
    const wrong: string[] = []
    const replies: Reply[] = []
    await inParallel(vectors, 10, async (vector) => {
      const judged = await judge(service.url, vector)
      replies.push(...judged.replies)
      if (judged.faults.length > 0) wrong.push(`${vector.name} (${judged.faults.join(', ')})`)
    })
    const { code } = await service.stop()
    const silent = unlogged(replies, service.lines())
    return {
      tried: `${vectors.length} raw requests, each with a sound one behind it in the same segment`,
      lost: `wrong answers ${list(wrong)}; replies without their log line ${list(silent)}`,
      limit: '0; every refusal closes, no reply lacks its headers',
      pass: wrong.length + silent.length === 0 && code === 0 && service.stderr() === ''
    }
  },

  async mutations({ serve, seed, quick }) {
    const count = quick ? 5000 : 20_000
    const service = await serve({ REQUEST_TIMEOUT_MS: '1000', OVERLOAD_DELAY_MS: '0' })
    const random = randomBySeed(seed)
    const wrong: string[] = []
    const replies: Reply[] = []
    const mutants = Array.from({ length: count }, () => {
      return mutate(vectors[random(vectors.length)]?.bytes ?? '', random)
    })
    await inParallel(mutants, 64, async (mutant) => {
      const { replies: got, rest, closed } = await talk(service.url, mutant + probe, 4000)
      replies.push(...got)
      const faults = got.flatMap(flaws)
      const refusal = got.findIndex(({ status, headers }) => status >= 400 && headers.get('connection') === 'close')
      if (got.some(({ status }) => status >= 500)) faults.push('a 5xx')
      if (rest !== '') faults.push('bytes that are no reply')
      if (!closed && got.length === 0) faults.push('no answer') // else the probe has become a body or a trailer
      if (refusal !== -1 && refusal !== got.length - 1) faults.push('served after a refusal')
      if (faults.length > 0) wrong.push(`${faults.join(', ')}: ${JSON.stringify(mutant)}`)
    })
    const alive = service.alive()
    const { code } = await service.stop()
    const lines = service.lines()
    const silent = unlogged(replies, lines)
    const refusals = new Set(lines.filter(({ msg }) => msg === 'request refused').map(({ reqId }) => reqId))
    const open = replies.filter(({ headers }) => {
      return refusals.has(headers.get('x-request-id') ?? '') && headers.get('connection') !== 'close'
    })
    return {
      tried: `${count} random mutations of them (${replies.length} replies), seed ${seed}`,
      lost: `wrong answers ${list(wrong)}; without a log line ${list(silent)}; refused and left open ${open.length}`,
      limit: '0; no 5xx, no crash',
      pass: wrong.length + silent.length + open.length === 0 && alive && code === 0 && service.stderr() === ''
    }
  }
}
