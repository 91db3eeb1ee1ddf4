// tsx test/system/faults/without.ts [attack ...]: takes one defence out of a copy of dist/ and holds that its attack then fails.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

type Removal = {
  attack: string
  /** What the copy lacks, or does where the service has nothing to take out. */
  without: string
  file: string
  find: string | RegExp
  put: string
}

const first = /^/
const removals: Removal[] = [
  {
    attack: 'slow-headers',
    without: 'looking for late connections four times a second',
    file: 'platform/http/options.js',
    find: /(connectionsCheckingInterval: )\w+/,
    put: '$160_000'
  },
  {
    attack: 'slow-body',
    without: 'looking for late connections and late handlers four times a second',
    file: 'platform/http/http-server.js',
    find: /(CHECK_INTERVAL = )\w+/,
    put: '$160_000'
  },
  {
    attack: 'slow-read',
    without: 'the time limit of a connection on which nothing moves',
    file: 'platform/http/options.js',
    find: /server\.setTimeout\(.*\)/,
    put: 'server'
  },
  {
    attack: 'idle-flood',
    without: 'maxConnections',
    file: 'platform/http/request-checks.js',
    find: /app\.server\.maxConnections = .*/,
    put: ''
  },
  {
    attack: 'churn',
    without: 'expecting connections to be reset',
    file: 'platform/http/parser-errors.js',
    find: "if (error.code === 'ECONNRESET'",
    put: "if (error.code === 'ECONNRESET') process.exit(1)\nif (error.code === 'ECONNRESET'"
  },
  {
    attack: 'handed-over',
    without: 'a listener for errors of sockets that Node hands over',
    file: 'platform/http/http-server.js',
    find: "socket.on('error'",
    put: "socket.on('never'"
  },
  {
    attack: 'pipeline-large',
    without: 'one request of a connection at a time',
    file: 'platform/http/connection.js',
    find: 'if (this.#exchanges[0] === exchange)',
    put: 'if (true)'
  },
  {
    attack: 'pipeline-reset',
    without: 'ending what is in flight on a closed socket',
    file: 'platform/http/connection.js',
    find: 'exchange.end()',
    put: 'void exchange'
  },
  {
    attack: 'drain-large',
    without: 'closing connections only when nothing is owed on them',
    file: 'platform/http/http-server.js',
    find: 'closeIdleConnections()',
    put: 'closeAtOnce()'
  },
  {
    attack: 'pipeline',
    without: 'all requests of a connection (it serves 5000)',
    file: 'platform/http/request-checks.js',
    find: 'app.server.maxHeadersCount',
    put: 'app.server.maxRequestsPerSocket = 5000\napp.server.maxHeadersCount'
  },
  {
    attack: 'pipelined-files',
    without: 'reading a file as fast as the client reads',
    file: 'platform/docs/docs-page.js',
    find: '.send(stream)',
    put: '.send(Buffer.concat(await stream.toArray()))'
  },
  {
    attack: 'scrapes',
    without: 'sharing a collection',
    file: 'platform/metrics/metrics-text.js',
    find: '!this.#isCollecting && this.#collections < PER_SECOND',
    put: 'true'
  },
  {
    attack: 'malformed',
    without: 'the check of framing and Host',
    file: 'platform/http/request-checks.js',
    find: 'if (isMalformed(request))',
    put: 'if (false)'
  },
  {
    attack: 'mutations',
    without: 'closing after what no hook has seen',
    file: 'platform/errors/error-handler.js',
    find: /connection: 'close'/,
    put: "'x-open': '1'"
  },
  {
    attack: 'bodies',
    without: 'refusing __proto__',
    file: 'platform/http/options.js',
    find: /trustProxy:/,
    put: "onProtoPoisoning: 'ignore', onConstructorPoisoning: 'ignore', trustProxy:"
  },
  {
    attack: 'lengths',
    without: 'reading on after a refusal',
    file: 'platform/http/connections.js',
    find: 'socket.destroySoon = ',
    put: 'const never = '
  },
  ...['overload-2', 'overload-5', 'overload-10'].map((attack) => ({
    attack,
    without: 'shedding',
    file: 'platform/overload/overload.js',
    find: 'if (limit === 0)',
    put: 'if (true)'
  })),
  {
    attack: 'overload-0.8',
    without: 'patience: it sheds what waits at all',
    file: 'platform/overload/overload.js',
    find: 'new VirtualQueue(limit)',
    put: 'new VirtualQueue(-1)'
  },
  {
    attack: 'blocked-loop',
    without: 'forgetting that the loop has been late',
    file: 'platform/overload/virtual-queue.js',
    find: 'this.#ended * (4 * this.#cost + 1)',
    put: '1e9'
  },
  {
    attack: 'memory',
    without: 'saying so (it exits with 0 at 40 MB of heap)',
    file: 'platform/index.js',
    find: first,
    put: 'setInterval(() => process.memoryUsage().heapUsed > 40e6 && process.exit(0), 10).unref();\n'
  },
  {
    attack: 'stdout-closed',
    without: 'a listener for errors of stdout',
    file: 'platform/logging/destination.js',
    find: /stream\.on\('error', \(\) => \{ ?\}\)/,
    put: 'stream'
  },
  {
    attack: 'stdout-full',
    without: 'a listener for errors of stdout',
    file: 'platform/logging/destination.js',
    find: /stream\.on\('error', \(\) => \{ ?\}\)/,
    put: 'stream'
  },
  {
    attack: 'stdout-stalled',
    without: 'the bound of 4 MiB',
    file: 'platform/logging/destination.js',
    find: 'const LIMIT = 4 *',
    put: 'const LIMIT = 4000 *'
  },
  {
    attack: 'clock',
    without: 'the monotonic clock',
    file: 'platform/logging/access-line.js',
    find: first,
    put: "Object.defineProperty(performance, 'now', { value: () => Date.now() });\n"
  },
  {
    attack: 'descriptors',
    without: 'letting go of connections whose client has gone',
    file: 'platform/http/http-server.js',
    find: 'const connection = new Connection(socket)',
    put: 'socket._destroy = () => {}; const connection = new Connection(socket)'
  },
  {
    attack: 'signals-during-boot',
    without: 'handlers for signals',
    file: 'platform/process/signals.js',
    find: 'process.on(signal, onSignal)',
    put: 'void signal'
  },
  {
    attack: 'signals-before-listening',
    without: 'the check before it listens',
    file: 'platform/process/listen.js',
    find: 'if (signal.aborted)',
    put: 'if (false)'
  },
  {
    attack: 'signals-in-flight',
    without: 'waiting for requests in flight',
    file: 'platform/process/close.js',
    find: 'app.close().then(',
    put: 'Promise.resolve().then('
  },
  {
    attack: 'signals-doubled',
    without: 'the 200 ms in which a signal is the same one',
    file: 'platform/process/signals.js',
    find: "phase = 'signalled'",
    put: "phase = 'stopping'"
  },
  {
    attack: 'signals-twice',
    without: 'heed of the second signal',
    file: 'platform/process/signals.js',
    find: 'return onLater()',
    put: 'return'
  },
  {
    attack: 'signals-ignored',
    without: 'ignoring SIGPIPE',
    file: 'platform/process/signals.js',
    find: "'SIGHUP'",
    put: "'SIGHUP', 'SIGPIPE'"
  },
  {
    attack: 'hooks-throw',
    without: 'the error of a hook',
    file: 'platform/process/close.js',
    find: '(err) => ({ err })',
    put: '() => ({})'
  },
  {
    attack: 'hooks-hang',
    without: 'the deadline for hooks',
    file: 'platform/process/close.js',
    find: 'sleep(timeout, undefined)',
    put: 'new Promise(() => {})'
  },
  {
    attack: 'hooks-block',
    without: 'the watchdog',
    file: 'platform/process/shutdown.js',
    find: 'startWatchdog(ms',
    put: 'void (ms'
  },
  {
    attack: 'kill-and-restart',
    without: 'independence of what a predecessor left (a lock)',
    file: 'platform/index.js',
    find: first,
    put: "import { mkdirSync } from 'node:fs'; mkdirSync('/tmp/faults-lock-' + process.env.PORT);\n"
  },
  {
    attack: 'port-taken',
    without: 'the fatal line',
    file: 'platform/process/run.js',
    find: 'running.log.fatal(err instanceof',
    put: 'void (err instanceof'
  },
  {
    attack: 'soak',
    without: 'forgetting connections that are closed',
    file: 'platform/http/http-server.js',
    find: 'this.open.delete(socket)',
    put: ''
  }
]

const root = fileURLToPath(new URL('../../../', import.meta.url))
const chosen = process.argv.slice(2)
let missed = 0
for (const { attack, without, file, find, put } of removals) {
  if (chosen.length > 0 && !chosen.includes(attack)) continue
  const copy = mkdtempSync(join(tmpdir(), 'without-'))
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true })
  cpSync(join(root, 'test/platform/service'), join(copy, 'test/platform/service'), { recursive: true })
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const path = join(copy, 'dist', file)
  const text = readFileSync(path, 'utf8')
  const patched = text.replace(find, put)
  if (patched === text) throw new Error(`${file} has changed: ${find} is not in it`)
  writeFileSync(path, patched)
  const run = ['--import', import.meta.resolve('tsx'), join(root, 'test/system/faults/run.ts'), attack, '--quick']
  const { status, stderr } = spawnSync(
    process.execPath,
    [...run, '--server', join(copy, 'test/platform/service/server.mjs')],
    {
      encoding: 'utf8',
      cwd: root
    }
  )
  rmSync(copy, { recursive: true })
  if (status !== 1) missed++
  const line = stderr.split('\n').find((line) => /^(ok|FAIL)/.test(line)) ?? stderr
  console.log(`${status === 1 ? 'seen  ' : 'MISSED'} ${attack} without ${without}: ${line}`)
}
console.log(`${missed} missed`)
process.exitCode = missed > 0 ? 1 : 0
