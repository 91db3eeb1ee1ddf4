import { createServer } from 'node:http'

const server = createServer({ keepAliveTimeout: 72_000 }, (_request, response) => {
  const body = JSON.stringify({ message: 'Hello, World!' })
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length })
  response.end(body)
})
server.listen(Number(process.env.PORT), '127.0.0.1')
