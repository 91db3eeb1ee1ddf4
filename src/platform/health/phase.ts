import fp from 'fastify-plugin'

type Phase = 'starting' | 'ready' | 'draining'

declare module 'fastify' {
  interface FastifyInstance {
    /** Where the service is in its life: `ready` once all plugins have loaded, `draining` from the signal to stop on. */
    phase: Phase
  }
}

/** `app.phase`, for readiness. */
export default fp(
  async (app) => {
    app.decorate<Phase>('phase', 'starting')
    app.addHook('onReady', async () => {
      if (app.phase === 'starting') app.phase = 'ready' // a signal may have come before
    })
    app.addHook('preClose', async () => {
      app.phase = 'draining'
    })
  },
  { name: 'phase' }
)
