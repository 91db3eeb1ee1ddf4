import t from 'tap'
import { Metrics } from '#src/plugins/metrics'
import { build } from '../helper.ts'

const series = (text: string) => text.split('\n').filter((line) => line.includes('http_route='))

t.test('requests are counted by method, route pattern and status', async (t) => {
  const { app } = await build(t, {}, (app) => {
    app.get('/items/:id', async () => ({}))
  })
  await Promise.all(['/', '/', '/items/1', '/items/2', '/nowhere', '/%zz'].map((url) => app.inject(url)))
  const { body, headers } = await app.inject('/metrics')
  t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  const count = (method: string, route: string, status: number) =>
    `http_server_request_duration_seconds_count{http_request_method="${method}",http_route="${route}",http_response_status_code="${status}"}`
  t.match(body, `${count('GET', '/', 200)} 2`)
  t.match(body, `${count('GET', '/items/:id', 200)} 2`)
  t.match(body, `${count('GET', 'unmatched', 404)} 1`)
  t.match(body, `${count('GET', 'unmatched', 400)} 1`)
  t.match(body, /http_server_request_duration_seconds_bucket\{.*le="0.005".*\} \d/)
  t.match(body, /http_server_requests_shed_total 0/)
  t.match(body, /log_lines_dropped_total 0/)
  t.match(body, /process_resident_memory_bytes \d/)
})

t.test('10,000 URLs that nobody serves add no series', async (t) => {
  const { app } = await build(t, { LOG_LEVEL: 'silent' })
  await app.inject('/nowhere')
  const before = series((await app.inject('/metrics')).body).length
  for (let i = 0; i < 10_000; i++) await app.inject(`/${i}/${Math.random()}?${i}`)
  t.equal(series((await app.inject('/metrics')).body).length, before)
})

t.test('two apps in one process count apart', async (t) => {
  const [one, two] = [await build(t), await build(t)]
  await one.app.inject('/')
  t.equal(series((await two.app.inject('/metrics')).body).length, 0)
})

t.test('a duration counts in the bucket of its bound and in all above', async (t) => {
  const metrics = new Metrics(undefined)
  for (const seconds of [0.004, 0.005, 0.006, 9, 11]) metrics.requestDuration.count('GET', '/', 200, seconds)
  const text = metrics.requestDuration.text()
  const value = (name: string) =>
    new RegExp(`^http_server_request_duration_seconds_${name}.* (\\S+)$`, 'm').exec(text)?.[1]
  const counts = ['0.005', '0.01', '7.5', '10', '\\+Inf'].map((le) => value(`bucket{le="${le}"`))
  t.strictSame(counts, ['2', '3', '3', '4', '5'])
  t.strictSame([value('sum'), value('count')], ['20.015', '5'])
})
