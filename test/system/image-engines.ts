import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePorts } from '../platform/helper.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const fixtures = join(root, 'test/platform/service')

/** What an image says of how it is to be run, as Docker stores it. */
type Configuration = {
  User: string
  Env: string[]
  Entrypoint: string[]
  Cmd: string[]
  WorkingDir: string
  Labels: Record<string, string>
  Healthcheck: { Test: string[] }
}
type Environment = Record<string, string>
export type StartOptions = { env?: Environment; routes?: boolean; memory?: number }

/** The service, ready, in a container with no more rights than deploy/kubernetes grants. */
export type Container = {
  url: string
  adminUrl: string
  /** Where it listens within the container. */
  port: number
  adminPort: number
  /** The stdout of `command` in the container; rejects if that fails. */
  execute: (command: string[], env?: Environment) => Promise<string>
  log: () => Promise<string>
  signal: (name: NodeJS.Signals) => Promise<unknown>
  exitCode: () => Promise<number>
  remove: () => Promise<unknown>
}

export type Engine = {
  /** What runs the containers, in words. */
  name: string
  configuration: Configuration
  start: (options?: StartOptions) => Promise<Container>
  remove: () => Promise<unknown>
}

/** A check that this machine cannot make. */
export class NotPossible extends Error {}

async function run(command: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: 64 * 1024 * 1024 })
  return stdout.trim()
}

async function ready(container: Container): Promise<Container> {
  for (let attempt = 0; attempt < 300; attempt++, await sleep(100)) {
    const response = await fetch(`${container.adminUrl}/readyz`).catch(() => undefined)
    if (response?.ok) return container
  }
  const log = await container.log()
  await container.remove()
  throw new Error(`not ready within 30 s: ${log}`)
}

const withRoutes = (cmd: string[]) => ['--import', '/fixtures/routes.mjs', ...cmd]

/** Docker, or podman, which takes the same commands. */
async function runByDocker(engine: string, image: string): Promise<Engine> {
  const ask = (...args: string[]) => run(engine, args)
  await ask('run', '--rm', image, '--version')
  const [{ Config, Healthcheck }] = JSON.parse(await ask('image', 'inspect', image))
  const configuration: Configuration = { Healthcheck, ...Config } // it is beside Config in podman

  async function start({ env = {}, routes = false, memory }: StartOptions = {}) {
    const confined = ['--read-only', '--cap-drop', 'all', '--security-opt', 'no-new-privileges']
    const ports = ['--publish', '127.0.0.1::3000', '--publish', '127.0.0.1::9000']
    const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`])
    const mount = routes ? ['--volume', `${fixtures}:/fixtures:ro`] : []
    const limit = memory ? ['--memory', String(memory), '--memory-swap', String(memory)] : []
    const command = routes ? withRoutes(configuration.Cmd) : []
    const id = await ask('run', '--detach', ...confined, ...ports, ...variables, ...mount, ...limit, image, ...command)
    const origin = async (port: number) => `http://${(await ask('port', id, `${port}/tcp`)).split('\n')[0]}`
    return ready({
      url: await origin(3000),
      adminUrl: await origin(9000),
      port: 3000,
      adminPort: 9000,
      execute: (command, env = {}) =>
        ask('exec', ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]), id, ...command),
      async log() {
        const { stdout, stderr } = await promisify(execFile)(engine, ['logs', id])
        return (stdout + stderr).trim()
      },
      signal: (name) => ask('kill', '--signal', name, id),
      exitCode: async () => Number(await ask('wait', id)),
      remove: () => ask('rm', '--force', id)
    })
  }
  return { name: engine, configuration, start, remove: async () => {} }
}

/** A cgroup of its own with a limit, in version 1 or 2 of cgroups. */
function memoryGroup(bytes: number): string {
  const base = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'].find(existsSync) ?? ''
  const group = join(base, `service-${process.pid}`)
  try {
    mkdirSync(group)
    const file = ['memory.limit_in_bytes', 'memory.max'].find((name) => existsSync(join(group, name))) ?? 'memory.max'
    writeFileSync(join(group, file), String(bytes))
  } catch (error) {
    throw new NotPossible(`no cgroup can limit memory here: ${error}`)
  }
  return group
}

/** Becomes process 1 of a container in new namespaces and says its number outside of them. Root only. */
const enter = `
  read -r pid _ < /proc/self/stat && echo "$pid"
  [ -z "$CGROUP" ] || echo 0 > "$CGROUP/cgroup.procs"
  mount --bind "$ROOT" "$ROOT"
  mount --types proc proc "$ROOT/proc"
  mount --rbind /dev "$ROOT/dev"
  mount --rbind /sys "$ROOT/sys"
  mount --bind "$FIXTURES" "$ROOT/fixtures"
  mount --options remount,bind,ro "$ROOT"
  exec setpriv --no-new-privs env --ignore-environment "$@"`

/** Buildah builds and unpacks the image; util-linux does what a container runtime does, on the network of the host. */
async function runByHand(image: string): Promise<Engine> {
  const id = await run('buildah', ['from', '--pull-never', image])
  const mounted = await run('buildah', ['mount', id])
  for (const path of ['proc', 'dev', 'sys', 'fixtures']) mkdirSync(join(mounted, path), { recursive: true })
  const configuration: Configuration = JSON.parse(await run('buildah', ['inspect', '--type', 'image', image])).Docker
    .config
  const { User, Env, Entrypoint, Cmd, WorkingDir } = configuration
  const users = readFileSync(join(mounted, 'etc/passwd'), 'utf8').split('\n')
  const [, , uid = '', gid = ''] = users.map((line) => line.split(':')).find((user) => user.includes(User)) ?? []
  const variables = (env: Environment) => [...Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)]
  const identity = ['--setgid', gid, '--setuid', uid]

  async function start({ env = {}, routes = false, memory }: StartOptions = {}) {
    const group = memory ? memoryGroup(memory) : ''
    const [port = 0, adminPort = 0] = await freePorts(2)
    const inside = { PORT: String(port), ADMIN_PORT: String(adminPort), ...env }
    const confine = ['/usr/bin/unshare', '--root', mounted, '--wd', WorkingDir, ...identity, '--']
    const command = [...confine, ...Entrypoint, ...(routes ? withRoutes(Cmd) : Cmd)]
    const namespaces = ['--mount', '--pid', '--ipc', '--uts', '--fork']
    const child: ChildProcess = spawn(
      'unshare',
      [...namespaces, '--', 'sh', '-ec', enter, 'sh', ...variables(inside), ...command],
      { env: { ...process.env, ROOT: mounted, FIXTURES: fixtures, CGROUP: group } }
    )
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data))
    const exited = once(child, 'close').then(([code]) => code)
    const pid = () => Number.parseInt(output, 10)
    return ready({
      url: `http://127.0.0.1:${port}`,
      adminUrl: `http://127.0.0.1:${adminPort}`,
      port,
      adminPort,
      execute(command, env = {}) {
        const namespaces = ['--target', String(pid()), '--mount', '--pid', '--ipc', '--uts', '--root', '--wd']
        const environment = ['--ignore-environment', ...variables({ ...inside, ...env })]
        return run('env', [...environment, '/usr/bin/nsenter', ...namespaces, ...identity, '--', ...command])
      },
      log: async () => output.slice(output.indexOf('\n') + 1).trim(),
      signal: async (name) => process.kill(pid(), name),
      exitCode: () => exited,
      async remove() {
        if (child.exitCode === null && child.signalCode === null) process.kill(pid(), 'SIGKILL')
        await exited
        if (group) rmdirSync(group)
      }
    })
  }
  const name = 'buildah, util-linux and the ports of this machine'
  return { name, configuration, start, remove: () => run('buildah', ['rm', id]) }
}

const exists = (engine: string, image: string) =>
  run(engine, engine === 'buildah' ? ['inspect', '--type', 'image', image] : ['image', 'inspect', image])

/** Pulls the bases of the Dockerfile or, where that fails, makes stand-ins. */
async function prepare(engine: string) {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')
  const bases = [...dockerfile.matchAll(/^FROM (\S+[/:]\S+)/gm)].map(([, name = '']) => name)
  try {
    for (const base of bases) await exists(engine, base).catch(() => run(engine, ['pull', base]))
  } catch (error) {
    console.log(`${engine} cannot pull the bases, making stand-ins for them: ${reason(error)}`)
    await run(fileURLToPath(new URL('image-bases.sh', import.meta.url)), [engine, ...bases])
  }
}

function reason(error: unknown): string {
  const lines = String(error).trim().split('\n')
  return lines.at(-1) ?? ''
}

/** Builds `image` with the first of docker, podman and buildah that can build it and run it. */
export async function buildImage(image: string): Promise<Engine> {
  process.env.BUILDAH_FORMAT = 'docker' // buildah's and podman's own has no health check
  for (const engine of ['docker', 'podman', 'buildah']) {
    const network: string[] = []
    if (engine === 'buildah') {
      process.env.STORAGE_DRIVER ??= 'vfs' // these two need no more of a machine than root
      process.env.BUILDAH_ISOLATION ??= 'chroot'
      network.push('--network', 'host')
    }
    try {
      await run(engine, ['info'])
      await prepare(engine)
      await run(engine, ['build', '--pull=false', ...network, '--tag', image, root])
      return await (engine === 'buildah' ? runByHand(image) : runByDocker(engine, image))
    } catch (error) {
      console.log(`not by ${engine}: ${reason(error)}`)
    }
  }
  throw new Error('neither docker nor podman nor buildah can build the image and run it')
}
