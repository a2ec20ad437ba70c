/** A forwarder on `node:http` alone, with an agent that keeps its connections. */
import { request as send } from 'node:http'
import { pipeline } from 'node:stream'
import { requestHeaders } from './forwarded-headers.ts'
import { keepAliveAgent, serve, upstream } from './serving.ts'

const agent = keepAliveAgent()
const { hostname, port } = new URL(upstream)

serve((request, response) => {
  const headers = requestHeaders(request.rawHeaders, false)
  const { method, url: path } = request
  const outgoing = send({ agent, hostname, port, method, path, headers }, (answer) => {
    if (response.destroyed) return void answer.destroy() // the client left
    response.writeHead(answer.statusCode!, answer.statusMessage, requestHeaders(answer.rawHeaders, false))
    pipeline(answer, response, () => undefined)
  })
  outgoing.on('error', () => {
    if (response.headersSent) response.destroy()
    else response.writeHead(502).end()
  })
  if (method === 'GET') outgoing.end()
  else pipeline(request, outgoing, () => undefined)
})
