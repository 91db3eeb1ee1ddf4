// The usual middleware for what this service does, as their READMEs register it.
import cors from 'cors'
import express from 'express'
import metrics from 'express-prom-bundle'
import helmet from 'helmet'
import { pinoHttp } from 'pino-http'
import toobusy from 'toobusy-js'

const app = express()
app.use(pinoHttp())
app.use(metrics({ includeMethod: true, includePath: true, promClient: { collectDefaultMetrics: {} } }))
app.use(helmet())
app.use(cors({ origin: 'https://app.example.com' }))
app.use((_request, response, next) => {
  if (toobusy()) response.status(503).json({ message: 'Too busy' })
  else next()
})
app.use(express.json())
app.get('/', (_request, response) => {
  response.json({ message: 'Hello, World!' })
})
app.listen(Number(process.env.PORT), '127.0.0.1')
