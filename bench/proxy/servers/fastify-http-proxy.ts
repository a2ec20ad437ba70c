/** Fastify with @fastify/http-proxy. */
import httpProxy from '@fastify/http-proxy'
import fastify from 'fastify'
import { announce, connectionsMax, upstream } from './serving.ts'

const app = fastify({ logger: false })
await app.register(httpProxy, { upstream, undici: { connections: connectionsMax, pipelining: 1 } })
await app.listen({ host: '127.0.0.1', port: 0 })
announce(app.server)
