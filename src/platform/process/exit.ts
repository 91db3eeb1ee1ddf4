import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { LogDestination } from '../logging/destination.ts'

/** How long the reader of the log may take for the last lines, in ms. */
const FLUSH_TIMEOUT = 200

/** Ends the process with `code`, or with 1 if an `exit` listener throws. */
export function exitNow(log: FastifyBaseLogger, code: number): never {
  try {
    process.exit(code)
  } catch (err) {
    log.fatal({ err }, 'an exit listener threw an error')
    process.exit(1) // Node does not call the listeners again
  }
}

/** Like `exitNow`, but first requests that were cut write their log lines, and the reader has up to 200 ms for all lines. */
export async function exit(log: FastifyBaseLogger, output: LogDestination, code: number): Promise<never> {
  await turn()
  await turn() // sockets that were destroyed emit 'close' at the end of a turn of the event loop
  await Promise.race([output.flushed(), sleep(FLUSH_TIMEOUT)])
  return exitNow(log, code)
}
