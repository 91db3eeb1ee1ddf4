import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const built = fileURLToPath(new URL('../dist/server.js', import.meta.url))
const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const start = scripts.start.split(' ').slice(1, -1)
const own = (name) => fileURLToPath(new URL(`./contenders/${name}.mjs`, import.meta.url))

/** As in production, with everything on that is off by default. */
const production = {
  OVERLOAD_DELAY_MS: '1000', // still looked at on each request; a machine that stands still must not end the run
  CORS_ORIGIN: 'https://app.example.com',
  TRUST_PROXY: 'loopback',
  MAX_CONNECTIONS: '20000' // for the mode `connections`
}

const titles = {
  node: 'node:http, bare',
  'node-equal': 'node:http, same headers, log and histogram by hand',
  fastify: 'Fastify, bare',
  'fastify-logger': 'Fastify, `logger: true`',
  'fastify-stock': 'Fastify, stock plug-ins',
  express: 'Express 5, bare',
  'express-stock': 'Express 5, usual middleware',
  hono: 'Hono, bare',
  koa: 'Koa, bare',
  'nest-stock': 'NestJS on Fastify, stock plug-ins',
  this: '**this service, everything on**',
  'this-no-docs': 'this service, `DOCS=false`'
}

export const names = Object.keys(titles).filter((name) => name !== 'this-no-docs')

/** The contender of that name; a path to a built `server.js` stands for another build of this service. */
export function contender(name) {
  if (name.includes('/')) return service(name, resolve(process.env.INIT_CWD ?? '.', name), name)
  if (name === 'this') return service(name, built, titles.this)
  if (name === 'this-no-docs') return { ...service(name, built, titles[name]), env: { ...production, DOCS: 'false' } }
  if (!titles[name]) throw new Error(`no contender ${name}; there are: ${Object.keys(titles).join(', ')}, or a path`)
  const logs = /equal|logger|stock/.test(name)
  return { name, title: titles[name], file: own(name), args: [], env: { NODE_ENV: 'production' }, logs }
}

function service(name, file, title) {
  if (!existsSync(file)) throw new Error(`${file} is missing: run npm run build`)
  return { name, title, file, args: start, env: production, logs: true }
}
