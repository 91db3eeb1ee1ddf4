import { STATUS_CODES } from 'node:http'
import bearerAuth from '@fastify/bearer-auth'
import { createError as fastifyError } from '@fastify/error'
import multipart from '@fastify/multipart'
import sensible from '@fastify/sensible'
import type { FastifyReply } from 'fastify'
import createError from 'http-errors'
import t from 'tap'
import { build } from '../helper.ts'

type Row = {
  name: string
  make: (reply: FastifyReply) => unknown
  status: number
  detail: string
  /** What else the problem has. */
  more?: object
  /** The error itself is in the log, instead of the problem's detail. */
  isLogged?: boolean
}

const failed = 'Something went wrong on our side.'
const props = { code: 'CANARY', type: '/canary', headers: { 'x-canary': '1' } }
const ofFastify = (code: string, status: number) => new (fastifyError(code, 'canary', status))()

/** Sets a status on the reply, then makes an error. */
const after = (code: number, error: unknown) => (reply: FastifyReply) => {
  reply.code(code)
  return error
}

/** Errors of other libraries, as a handler gets them. What must not reach the log either is called `deep`. */
const stripe = () =>
  Object.assign(new Error('canary: Invalid API Key provided: sk_123'), {
    ...{ type: 'StripeAuthenticationError', code: 'canary', statusCode: 401 },
    headers: { 'set-cookie': 'canary=deep', 'x-canary': '1', 'retry-after': '7' },
    raw: { headers: { authorization: 'deep' } }
  })
const axios = () => {
  const config = Object.assign(Object.create(null), { headers: { Authorization: 'Bearer deep' }, data: 'deep' })
  const response = { status: 404, headers: { 'x-canary': '1' }, config, data: { text: 'deep' } }
  const own = { name: 'AxiosError', code: 'ERR_BAD_REQUEST', status: 404, config, response }
  return Object.assign(new Error('canary: Request failed with status code 404'), own)
}
const undici = () =>
  Object.assign(new Error('canary: Response status code 404'), {
    ...{ name: 'ResponseStatusCodeError', code: 'UND_ERR_RESPONSE_STATUS_CODE', status: 404, statusCode: 404 },
    headers: { 'x-canary': '1' },
    body: { token: 'deep' }
  })
const pg = () => Object.assign(new Error('canary: duplicate key'), { code: '23505', severity: 'ERROR', status: 409 })
const system = () => Object.assign(new Error('canary: ENOENT'), { code: 'ENOENT', syscall: 'open' })
const parse = () => {
  try {
    return JSON.parse('canary')
  } catch (error) {
    return createError(400, Object(error))
  }
}

const rows: Row[] = [
  {
    name: 'http-errors',
    make: () => createError(404, 'There is no order 7'),
    status: 404,
    detail: 'There is no order 7'
  },
  { name: 'a class of http-errors', make: () => new createError.Conflict('taken'), status: 409, detail: 'taken' },
  { name: 'a status without a name', make: () => createError(499, 'left'), status: 499, detail: 'left' },
  { name: 'no message', make: () => createError(404), status: 404, detail: 'Not Found' },
  { name: 'an empty message', make: () => createError(409, ''), status: 409, detail: 'Conflict' },
  {
    name: 'a message that is no text',
    make: () => Object.assign(createError(409), { message: 42 }),
    status: 409,
    detail: 'Conflict'
  },
  {
    name: 'type and code',
    make: () => createError(409, 'The order is shipped.', { type: '/problems/shipped', code: 'ORDER_SHIPPED' }),
    status: 409,
    detail: 'The order is shipped.',
    more: { type: '/problems/shipped', code: 'ORDER_SHIPPED' }
  },
  ...[
    { type: 'two words', code: 'two words' },
    { type: 7, code: 7 },
    { type: '', code: '' },
    { code: 'ERR_BAD_REQUEST' },
    { code: 'FST_ERR_CANARY' },
    { code: 'UND_ERR_CANARY' },
    { code: 'HPE_CANARY' }
  ].map((more) => ({
    name: `type and code that are not sent: ${JSON.stringify(more)}`,
    make: () => createError(409, 'taken', more),
    status: 409,
    detail: 'taken'
  })),
  { name: 'its own status after another', make: after(409, createError(404, 'gone')), status: 404, detail: 'gone' },
  {
    name: 'expose: false',
    make: () => createError(403, 'canary', { ...props, expose: false }),
    status: 403,
    detail: 'Forbidden',
    isLogged: true
  },
  {
    name: 'a status from 500 on',
    make: () => createError(503, 'canary', { ...props, expose: true }),
    status: 503,
    detail: 'The service cannot answer now; try again later.',
    isLogged: true
  },
  ...[200, 399, 600, Number.NaN, '404', null].map((status) => ({
    name: `the status ${status}`,
    make: () => Object.assign(createError(404, 'canary'), { status, statusCode: status }),
    status: 500,
    detail: failed,
    isLogged: true
  })),
  {
    name: 'an error of a library in one of http-errors',
    make: () => createError(stripe()),
    status: 401,
    detail: 'Unauthorized',
    isLogged: true
  },
  {
    name: 'an error of the system in one of http-errors',
    make: () => createError(404, system()),
    status: 404,
    detail: 'Nothing is here.',
    isLogged: true
  },
  {
    name: 'an error of JSON.parse in one of http-errors',
    make: parse,
    status: 400,
    detail: 'The request is malformed.',
    isLogged: true
  },
  { name: 'a plugin of Fastify', make: () => ofFastify('FST_JWT_X', 401), status: 401, detail: 'Unauthorized' },
  {
    name: 'a plugin of Fastify, from 500 on',
    make: () => ofFastify('FST_REPLY_FROM_X', 504),
    status: 504,
    detail: 'Gateway Timeout',
    isLogged: true
  },
  { name: 'Stripe', make: stripe, status: 401, detail: 'Unauthorized', isLogged: true },
  { name: 'Axios', make: axios, status: 500, detail: failed, isLogged: true },
  { name: 'the response of Axios', make: () => axios().response, status: 500, detail: failed, isLogged: true },
  { name: 'Axios, after a status', make: after(502, axios()), status: 502, detail: 'Bad Gateway', isLogged: true },
  { name: 'undici', make: undici, status: 404, detail: 'Nothing is here.', isLogged: true },
  { name: 'PostgreSQL', make: pg, status: 500, detail: failed, isLogged: true },
  {
    name: 'any Error with a status from 500 on',
    make: () => Object.assign(new Error('canary'), { statusCode: 502 }),
    status: 500,
    detail: failed,
    isLogged: true
  },
  {
    name: 'an AggregateError',
    make: () => new AggregateError([axios(), new Error('second')], 'canary'),
    status: 500,
    detail: failed,
    isLogged: true
  },
  {
    name: 'an object that is no Error',
    make: () => ({ statusCode: 429, message: 'canary', config: { key: 'deep' } }),
    status: 429,
    detail: 'Too Many Requests',
    isLogged: true
  },
  ...['canary', null, undefined, 7, Object.assign(Object.create(null), { statusCode: 404, message: 'canary' })].map(
    (value) => ({
      name: `a thrown ${typeof value}`,
      make: () => value,
      status: 500,
      detail: failed,
      isLogged: true
    })
  ),
  { name: 'text, after a status', make: after(401, 'canary'), status: 401, detail: 'Unauthorized', isLogged: true },
  {
    name: 'an Error, after a status',
    make: after(409, new Error('canary')),
    status: 409,
    detail: 'Conflict',
    isLogged: true
  },
  {
    name: 'a validation with a status of its own',
    make: () => Object.assign(new Error('canary'), { statusCode: 422, validation: [{ instancePath: '' }] }),
    status: 422,
    detail: 'The request does not match its schema.',
    more: { errors: [{ in: 'body', path: '', message: 'is not valid' }] }
  }
]

for (const { name, make, status, detail, more, isLogged = false } of rows) {
  t.test(`${name}: ${status}, thrown or sent`, async (t) => {
    const { app, lines } = await build(t, {}, (app) => {
      app.get('/thrown', async (_request, reply) => {
        throw make(reply)
      })
      app.get('/sent', (_request, reply) => {
        const error = make(reply)
        if (!(error instanceof Error)) throw error
        reply.send(error)
      })
    })
    for (const url of ['/thrown', '/sent']) {
      const reply = await app.inject(url)
      const title = STATUS_CODES[status] ?? 'Unknown Error'
      const requestId = reply.headers['x-request-id']
      t.equal(reply.statusCode, status)
      t.equal(reply.headers['content-type'], 'application/problem+json')
      t.strictSame(reply.json(), { type: 'about:blank', title, status, detail, requestId, ...more })
      t.notMatch(JSON.stringify(reply.headers), /canary|retry-after/)
    }
    const written = await lines()
    t.equal(written.length, 2)
    for (const line of written) {
      t.match(line, { level: status < 500 ? 30 : 50, statusCode: status })
      t.equal(line.detail, isLogged ? undefined : detail)
      t.equal('err' in line, isLogged)
      if (!isLogged) t.notMatch(JSON.stringify(line), 'canary')
      t.notMatch(JSON.stringify(line), 'deep')
    }
  })
}

t.test('a code is in the log line, where the problem has one or Fastify has', async (t) => {
  const { app, lines } = await build(t, {}, (app) => {
    app.get('/own', () => Promise.reject(createError(409, 'taken', { code: 'TAKEN' })))
    app.post('/body', () => ({}))
  })
  await app.inject('/own')
  await app.inject({ method: 'POST', url: '/body', payload: '', headers: { 'content-type': 'application/json' } })
  await app.inject('/?name=')
  t.match(await lines(), [
    { level: 30, statusCode: 409, detail: 'taken', code: 'TAKEN', msg: 'request completed' },
    { level: 30, statusCode: 400, detail: 'The request is malformed.', code: 'FST_ERR_CTP_EMPTY_JSON_BODY' },
    { level: 30, statusCode: 400, detail: 'The request does not match its schema.', code: 'FST_ERR_VALIDATION' }
  ])
})

t.test('@fastify/sensible', async (t) => {
  const { app, lines } = await build(t, {}, (app) => {
    app.register(sensible).after(() => {
      app.get('/thrown', async () => {
        throw app.httpErrors.notFound('There is no order 7')
      })
      app.get('/sent', (_request, reply) => reply.conflict('The order is shipped.'))
      app.get('/asserted', async () => app.assert(false, 400, 'no'))
    })
  })
  const problemOf = async (url: string) => (await app.inject(url)).json()
  t.match(await problemOf('/thrown'), { status: 404, detail: 'There is no order 7' })
  t.match(await problemOf('/sent'), { status: 409, detail: 'The order is shipped.' })
  t.match(await problemOf('/asserted'), { status: 400, detail: 'no' })
  t.match(await lines(), [{ detail: 'There is no order 7' }, { detail: 'The order is shipped.' }, { detail: 'no' }])
})

t.test('@fastify/bearer-auth', async (t) => {
  for (const addHook of ['onRequest', 'preParsing', false] as const) {
    const { app, lines } = await build(t, {}, (app) => {
      app.register(async (scope) => {
        await scope.register(bearerAuth, { keys: new Set(['right']), verifyErrorLogLevel: 'debug', addHook })
        scope.get('/private', addHook ? {} : { onRequest: scope.verifyBearerAuth ?? [] }, () => ({}))
      })
    })
    const send = (authorization: string) => app.inject({ url: '/private', headers: { authorization } })
    t.equal((await send('Bearer right')).statusCode, 200)
    for (const authorization of ['', 'Bearer canary', 'Basic canary']) {
      const reply = await send(authorization)
      t.equal(reply.statusCode, 401)
      t.equal(reply.headers['content-type'], 'application/problem+json')
      const requestId = reply.headers['x-request-id']
      const problem = { type: 'about:blank', title: 'Unauthorized', status: 401, detail: 'Unauthorized', requestId }
      t.strictSame(reply.json(), problem)
    }
    const why = addHook ? { err: { error: /./ } } : { detail: 'Unauthorized', code: /^FST_BEARER_AUTH/ }
    const refused = { level: 30, statusCode: 401, ...why }
    t.match(await lines(), [{ statusCode: 200 }, refused, refused, refused])
  }
})

t.test('@fastify/bearer-auth, whose own check fails', async (t) => {
  const { app, lines } = await build(t, {}, (app) => {
    app.register(async (scope) => {
      await scope.register(bearerAuth, { keys: new Set<string>(), auth: () => Promise.reject(new Error('canary')) })
      scope.get('/private', () => ({}))
    })
  })
  const reply = await app.inject({ url: '/private', headers: { authorization: 'Bearer a' } })
  t.match(reply.json(), { status: 500, detail: failed })
  t.notMatch(reply.body, 'canary')
  t.match(await lines(), [{ level: 50, statusCode: 500, err: { error: 'canary' } }])
})

t.test('only an object of a text `error` alone is replaced, and only where the route declares none', async (t) => {
  const error = { type: 'object', properties: { error: { type: 'string' } } }
  const { app } = await build(t, {}, (app) => {
    for (const status of ['400', '4xx', 'default']) {
      const schema = { response: { [status]: error } }
      app.get(`/${status}`, { schema }, (_request, reply) => reply.code(400).send({ error: 'own' }))
    }
    app.get('/more', (_request, reply) => reply.code(400).send({ error: 'invalid_grant', error_description: 'old' }))
    app.get('/nested', (_request, reply) => reply.code(400).send({ error: { code: 7 } }))
    app.get('/list', (_request, reply) => reply.code(400).send(['error']))
    app.get('/success', () => ({ error: 'none' }))
  })
  const bodyOf = async (url: string) => (await app.inject(url)).json()
  for (const status of ['400', '4xx', 'default']) t.strictSame(await bodyOf(`/${status}`), { error: 'own' }, status)
  t.strictSame(await bodyOf('/more'), { error: 'invalid_grant', error_description: 'old' })
  t.strictSame(await bodyOf('/nested'), { error: { code: 7 } })
  t.strictSame(await bodyOf('/list'), ['error'])
  t.strictSame(await bodyOf('/success'), { error: 'none' })
})

t.test('@fastify/multipart', async (t) => {
  const { app, lines } = await build(t, {}, (app) => {
    app.register(multipart)
    app.post('/upload', async (request) => {
      for await (const part of request.parts()) if (part.type === 'file') await part.toBuffer()
      return {}
    })
  })
  const part = (name: string) => `--a\r\ncontent-disposition: form-data; name="${name}"; filename="f"\r\n\r\nabc`
  const send = (type: string, payload: string) =>
    app.inject({ method: 'POST', url: '/upload', headers: { 'content-type': `multipart/form-data${type}` }, payload })
  t.equal((await send('; boundary=a', `${part('file')}\r\n--a--\r\n`)).statusCode, 200)
  const malformed: [string, string][] = [
    ['', part('file')],
    [`; boundary=${'a'.repeat(300)}`, part('file')],
    ['; boundary=a', 'canary'],
    ['; boundary=a', part('file')],
    ['; boundary=a', `${part('__proto__')}\r\n--a--\r\n`]
  ]
  for (const [type, payload] of malformed) {
    const reply = await send(type, payload)
    t.equal(reply.statusCode, 400, payload)
    t.equal(reply.headers['content-type'], 'application/problem+json')
    t.match(reply.json(), { title: 'Bad Request', detail: 'The request is malformed.' })
  }
  const written = await lines()
  t.equal(written.length, 1 + malformed.length)
  for (const line of written.slice(1)) t.ok(line.err ?? line.code, 'the line says why')
  t.match(written[4], { level: 30, statusCode: 400, err: { message: 'Unexpected end of multipart data' } })
})

t.test(
  'the headers of an error that is meant for clients are sent, but for those of the connection and the body',
  async (t) => {
    const headers = {
      'retry-after': 7,
      link: ['</a>; rel="help"', '</b>; rel="help"'],
      'www-authenticate': 'Bearer',
      ...{
        connection: 'upgrade',
        'keep-alive': 'timeout=1',
        'transfer-encoding': 'chunked',
        upgrade: 'h2c',
        te: 'gzip'
      },
      ...{ trailer: 'a', 'proxy-connection': 'close', 'proxy-authenticate': 'Basic' },
      ...{ 'content-length': '1', 'Content-Type': 'text/html', 'content-encoding': 'gzip', 'content-location': '/' },
      ...{ 'Set-Cookie': 'a=1', 'x-request-id': 'another', date: 'now', server: 'canary' }
    }
    const { app } = await build(t, {}, (app) => {
      app.get('/:code', ({ params }, reply) => {
        reply.headers({ 'content-encoding': 'gzip', etag: 'a', 'content-disposition': 'attachment' })
        throw createError(Number(Object(params).code), 'later', { headers })
      })
      app.get('/wrapped', () => Promise.reject(createError(429, stripe())))
      app.get('/none', () => Promise.reject(createError(429, 'later', { headers: 'retry-after: 7' })))
    })
    const plain = (await app.inject('/none')).headers
    const reply = await app.inject('/429')
    const more = Object.entries(reply.headers).filter(([name, value]) => plain[name] !== value)
    t.strictSame(Object.fromEntries(more.filter(([name]) => !['x-request-id', 'content-length'].includes(name))), {
      'retry-after': '7',
      link: '</a>; rel="help",</b>; rel="help"',
      'www-authenticate': 'Bearer',
      'proxy-authenticate': 'Basic'
    })
    t.match(reply.json(), { detail: 'later', requestId: reply.headers['x-request-id'] })
    for (const url of ['/500', '/wrapped']) {
      const names = Object.keys((await app.inject(url)).headers)
      t.strictSame(names.sort(), Object.keys(plain).sort(), url)
    }
  }
)
