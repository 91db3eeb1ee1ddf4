// tap runs this before the tests, because they import what the build makes of src.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))
const args = [tsc, '-p', 'tsconfig.build.json', '--noCheck', '--noResolve']
const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] })
process.exitCode = status ?? 1
