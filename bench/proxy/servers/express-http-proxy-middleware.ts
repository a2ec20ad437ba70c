/** Express with http-proxy-middleware; with an agent that keeps its connections, or with none (argument `no-agent`), a connection a request. */
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { keepAliveAgent, serve, upstream } from './serving.ts'

const agent = process.argv[3] === 'no-agent' ? false : keepAliveAgent()
const app = express().disable('x-powered-by').disable('etag')
app.use(createProxyMiddleware({ target: upstream, agent }))

serve(app)
