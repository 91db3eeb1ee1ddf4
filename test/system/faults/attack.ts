import type { Serve } from './service.ts'

export type Row = {
  tried: string
  /** What was lost, in figures. */
  lost: string
  limit: string
  pass: boolean
  /** The row is about time: where it fails, what else the machine does may be to blame, and it is tried again. */
  timed?: true
}

export type Context = {
  /** A bounded half of everything, for CI. */
  quick: boolean
  /** Makes the random part of an attack repeatable. */
  seed: number
  /** Starts the service; it is killed when the attack is over. */
  serve: Serve
}

/** Attacks of one group by name. */
export type Attacks = Record<string, (context: Context) => Promise<Row>>

/** `attempt` over all of `items`, `width` at a time. */
export async function inParallel<T>(items: Iterable<T>, width: number, attempt: (item: T) => Promise<void>) {
  const iterator = items[Symbol.iterator]()
  const worker = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await attempt(next.value)
  }
  await Promise.all(Array.from({ length: width }, worker))
}

/** How many there are, and the first few. */
export function list(found: string[]): string {
  return found.length === 0 ? '0' : `${found.length}: ${found.slice(0, 3).join('; ')}`
}
