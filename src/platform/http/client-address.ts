import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { configOf } from '../config/variables.ts'

/** Without a zone, in which `isIP` accepts any text. */
const isAddress = (text: string) => isIP(text) !== 0 && !text.includes('%')

/** The client's address as a trusted proxy forwards it; the peer's where it forwards something else. */
export function clientAddress({ ip, socket }: FastifyRequest): string | undefined {
  return isAddress(ip) ? ip : socket?.remoteAddress
}

/** Drops an `X-Forwarded-For` of a trusted proxy that names no address, so that `request.ip` is always one. */
export default fp(
  async (app) => {
    if (configOf(app).TRUST_PROXY.length === 0) return
    app.addHook('onRequest', ({ ip, raw }, _reply, done) => {
      if (!isAddress(ip)) delete raw.headers['x-forwarded-for']
      done()
    })
  },
  { name: 'client-address', decorators: { fastify: ['config'] } }
)
