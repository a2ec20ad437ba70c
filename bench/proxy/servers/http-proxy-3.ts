/** http-proxy-3 with an agent that keeps its connections. */
import { ServerResponse } from 'node:http'
import { createProxyServer } from 'http-proxy-3'
import { keepAliveAgent, serve, upstream } from './serving.ts'

const proxy = createProxyServer({ target: upstream, agent: keepAliveAgent() })
proxy.on('error', (_error, _request, response) => {
  if (response instanceof ServerResponse && !response.headersSent) response.writeHead(502).end()
  else response?.destroy()
})

serve((request, response) => void proxy.web(request, response))
