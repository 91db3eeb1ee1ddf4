import { readFileSync } from 'node:fs'

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const [route = '', line = '', test = ''] = [...read('README.md').matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code)
const hello = '  await app.register(helloRoutes)\n'

/** `src/app.ts` before and after; it may have the route already. */
const before = read('src/app.ts')
  .replace(/^import sumRoutes .*\n/m, '')
  .replace(line, '')

/** The files that one has, by name, who adds a route as the README says. */
export const addedRoute = {
  'src/app.ts': `import sumRoutes from './routes/sum.ts'\n${before.replace(hello, hello + line)}`,
  'src/routes/sum.ts': route,
  'test/routes/sum.test.ts': test
}
