import { lookup } from 'node:dns/promises'
import type { FastifyInstance } from 'fastify'

type Options = {
  /** What the log calls the listener. */
  name: string
  host: string
  port: number
  /** Once it is aborted, the listener is not opened. */
  signal: AbortSignal
}

/** The backlog of 511 that Node has by default overflows under overload; clients then wait 1 s before they try again. */
const BACKLOG = 4096

/** Waits until `app` is ready, then listens. Fastify logs one line for each address that is reachable. */
export async function listen(app: FastifyInstance, { name, host, port, signal }: Options): Promise<void> {
  await app.ready()
  const { address } = await lookup(host) // localhost has two addresses, and Fastify drains only one of two listeners
  if (signal.aborted) return
  const listenTextResolver = (origin: string) => `${name} listening at ${origin}`
  await app.listen({ port, host: address, backlog: BACKLOG, listenTextResolver })
}
