import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { build } from './helper.ts'

const root = new URL('../', import.meta.url)

t.test('the committed document is the one that the service serves', async (t) => {
  const { app } = await build(t)
  const biome = fileURLToPath(new URL('node_modules/.bin/biome', root))
  const input = (await app.inject('/openapi.json')).body
  const served = execFileSync(biome, ['format', '--stdin-file-path=openapi.json'], { input, cwd: root })
  const committed = readFileSync(new URL('openapi.json', root), 'utf8')
  t.equal(committed, served.toString(), 'npm run openapi && npm run client regenerates it')
})
