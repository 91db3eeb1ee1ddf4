// Loaded into every contender with `node --import`: answers the bench over IPC, so that no contender has to.
let session

const answers = {
  cpu: () => process.cpuUsage(), // microseconds
  rss: () => process.memoryUsage.rss(),
  async heap() {
    for (let i = 0; i < 3; i++) {
      globalThis.gc()
      await new Promise(setImmediate) // finalizers and weak references are cleared between the collections
    }
    return process.memoryUsage().heapUsed
  },
  async profile() {
    const { Session } = await import('node:inspector/promises')
    session = new Session()
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: 200 }) // microseconds
    await session.post('Profiler.start')
  },
  async profiled() {
    const { profile } = await session.post('Profiler.stop')
    return profile
  }
}

process.on('message', async (question) => {
  process.send({ answer: await answers[question]() })
})
process.on('disconnect', () => process.exit())
process.channel.unref()
