import { METHODS } from 'node:http'
import t from 'tap'
import { build, exchange, listen, until } from '../helper.ts'

const statuses = (received: string) => [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
const get = (target: string, fields = 'host: a') => `GET ${target} HTTP/1.1\r\n${fields}\r\n\r\n`
const last = get('/?name=last', 'host: a\r\nconnection: close')

t.test('a Host that is none is refused', async (t) => {
  const { url } = await listen(t)
  const hosts = ['%zz', '%', '%4', 'a%', '[:]', '[]', '[::1', '[1::2::3]', '[::1]a', '[127.0.0.1]', '[fe80::1%25eth0]']
  for (const host of [...hosts, '[v1.a]', 'a:65536', '[::1]:65536', 'a:99999999999', 'a:-1', 'a b', 'a@b', 'a, b']) {
    const received = await exchange(url, get('/', `host: ${host}`) + last)
    t.strictSame(statuses(received), [400], host)
    t.match(received, /\r\nconnection: close\r\n/i)
  }
  const valid = ['', 'a', 'a:', 'a:0', 'a:65535', 'a:00080', '%61', 'a_b', '1.2.3.4:80', '[::1]', '[::ffff:1.2.3.4]:80']
  for (const host of valid) {
    t.strictSame(statuses(await exchange(url, get('/', `host: ${host}`) + last)), [200, 200], host)
  }
})

t.test('a target whose host is none is refused', async (t) => {
  const { url } = await listen(t)
  for (const host of ['', '%zz', '[:]', 'a:65536', 'user@a', 'user:password@a']) {
    t.strictSame(statuses(await exchange(url, get(`http://${host}/`) + last)), [400], host)
  }
  for (const host of ['b', 'b:80', '[::1]:80']) {
    t.strictSame(statuses(await exchange(url, get(`http://${host}/`) + last)), [200, 200], host)
  }
  const star = (target: string) => get(target).replace('GET', 'OPTIONS') + last
  t.strictSame(statuses(await exchange(url, star('*'))), [405, 200])
  t.strictSame(statuses(await exchange(url, star('**'))), [400])
})

t.test('a method of another protocol that the parser knows is refused, in one line', async (t) => {
  const { url, lines } = await listen(t)
  const requests = [
    'DESCRIBE / RTSP/1.0\r\nhost: a\r\n\r\n',
    'SETUP /items RTSP/1.1\r\nhost: a\r\nexpect: tea\r\n\r\n',
    'PLAY * RTSP/1.0\r\nhost: a\r\n\r\n'
  ]
  for (const request of requests) t.strictSame(statuses(await exchange(url, request)), [400], request)
  await until(async () => (await lines()).length > requests.length)
  t.match((await lines()).slice(1), Array(3).fill({ level: 30, statusCode: 400, route: 'unmatched' }))
})

t.test('every method of HTTP is routed', async (t) => {
  const { url, lines } = await listen(t)
  const others = METHODS.filter((method) => !['GET', 'HEAD', 'CONNECT', 'QUERY'].includes(method))
  for (const method of others) {
    t.strictSame(statuses(await exchange(url, get('/').replace('GET', method) + last)), [405, 200], method)
  }
  t.strictSame([...new Set((await lines()).map(({ level }) => level))], [30], 'no warning')
})

t.test('"close" is found among the connection options', async (t) => {
  const { url } = await listen(t)
  for (const options of ['close', 'close\t', 'Close \t', '\tclose', 'a, close\t', 'close\t, a', 'keep-alive,close']) {
    const received = await exchange(url, get('/', `host: a\r\nconnection: ${options}`) + last)
    t.match(
      received,
      /^HTTP\/1\.1 200 (?:(?!HTTP).)*\r\nconnection: close\r\n.*Hello, World!"}$/is,
      JSON.stringify(options)
    )
  }
  for (const options of ['closed', 'a close', 'close;a', 'keep-alive']) {
    const received = await exchange(url, get('/', `host: a\r\nconnection: ${options}`) + last)
    t.strictSame(statuses(received), [200, 200], options)
  }
})

t.test('a path that is too long is not routed, a query may be long', async (t) => {
  const { url, lines } = await listen(t)
  const long = 'a'.repeat(2048)
  for (const path of [`/${long}`, `/${'%25'.repeat(683)}`, `/${long}?b`, `/${'%'.repeat(2048)}`, `http://a/${long}`]) {
    const received = await exchange(url, get(path))
    t.strictSame(statuses(received), [414])
    t.match(received, /\r\nconnection: close\r\n.*"title":"URI Too Long","status":414/is)
  }
  t.strictSame(statuses(await exchange(url, get(`/${long.slice(1)}`, 'host: a\r\nconnection: close'))), [404])
  t.strictSame(statuses(await exchange(url, get(`/?name=b&c=${'c'.repeat(8000)}`) + last)), [200, 200])
  await until(async () => (await lines()).length === 9)
  t.notMatch(JSON.stringify(await lines()), long)
})

t.test('an X-Forwarded-For that holds no address is not believed', async (t) => {
  const { app, lines } = await build(t, { TRUST_PROXY: 'loopback' }, (app) => {
    app.get('/ip', async ({ ip, ips }) => ({ ip, ips }))
  })
  const forwarded = ['203.0.113.7\u0085', '\u009b31m', 'secret', '203.0.113.7:80', 'fe80::1%\u0085', '1.2.3', ',', '']
  for (const value of forwarded) {
    const headers = { 'x-forwarded-for': value }
    t.strictSame((await app.inject({ url: '/ip', headers })).json(), { ip: '127.0.0.1', ips: ['127.0.0.1'] }, value)
  }
  t.strictSame([...new Set((await lines()).map(({ remoteAddress }) => remoteAddress))], ['127.0.0.1'])
  for (const value of ['203.0.113.7', '2001:db8::1', 'secret, 203.0.113.7', '203.0.113.7, 127.0.0.2']) {
    await app.inject({ url: '/ip', headers: { 'x-forwarded-for': value } })
    const { remoteAddress } = (await lines()).at(-1) ?? {}
    t.ok(['203.0.113.7', '2001:db8::1'].includes(String(remoteAddress)), value)
  }
})
