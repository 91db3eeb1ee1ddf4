// NestJS on Fastify with the official plug-ins for what this service does; decorators written as calls.
import 'reflect-metadata'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import underPressure from '@fastify/under-pressure'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import metrics from 'fastify-metrics'

class Hello {
  greet() {
    return { message: 'Hello, World!' }
  }
}
Get()(Hello.prototype, 'greet', Object.getOwnPropertyDescriptor(Hello.prototype, 'greet'))
Controller()(Hello)

class App {}
Module({ controllers: [Hello] })(App)

const app = await NestFactory.create(App, new FastifyAdapter({ logger: true }), { logger: false })
await app.register(helmet)
await app.register(cors, { origin: 'https://app.example.com' })
await app.register(underPressure, { maxEventLoopDelay: 1000, exposeStatusRoute: '/readyz' })
await app.register(metrics.default, { endpoint: '/metrics' })
await app.listen(Number(process.env.PORT), '127.0.0.1')
