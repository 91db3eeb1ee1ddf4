import type { Writable } from 'node:stream'

const CHUNK = 16_384 // characters
const FLUSH_INTERVAL = 100 // ms
const LIMIT = 4 * 1024 * 1024 // characters

/**
 * Where log lines go: gathered into chunks, written without waiting for the reader, dropped and counted while the
 * reader is 4 MiB behind. By hand, because with pino's own destination a process whose reader has stalled never exits.
 */
export class LogDestination {
  dropped = 0 // lines
  #chunk = ''
  #lines = 0
  #timer: NodeJS.Timeout | undefined
  readonly #stream: Writable

  constructor(stream: Writable) {
    this.#stream = stream.on('error', () => {}) // the callback of write counts what is lost
  }

  write(line: string): void {
    if (this.#stream.writableLength + this.#chunk.length + line.length > LIMIT) {
      this.dropped++
      return
    }
    this.#chunk += line
    this.#lines++
    if (this.#chunk.length >= CHUNK) this.flushSync()
    else this.#timer ??= setTimeout(() => this.flushSync(), FLUSH_INTERVAL)
  }

  /** Writes what has been gathered; pino calls it after each fatal line. */
  flushSync(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#lines
    const bytes = Buffer.from(this.#chunk) // strings made of many parts take more heap while they wait
    this.#stream.write(bytes, (error) => {
      if (error) this.dropped += lines
    })
    this.#chunk = ''
    this.#lines = 0
  }

  /** Resolves when the reader has everything. */
  async flushed(): Promise<void> {
    this.flushSync()
    await new Promise((resolve) => this.#stream.write('', resolve))
  }
}
