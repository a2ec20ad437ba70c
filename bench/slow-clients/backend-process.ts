/** A backend with small answers, and large ones that a slow reader takes for ever. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const small = Buffer.alloc(200, 'a')
const large = Buffer.alloc(4 * 1024 ** 2, 'b')

const server = createServer((request, response) => {
  request.resume()
  const body = request.url === '/large' ? large : small
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length })
  response.end(body)
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.on('disconnect', () => process.exit())
process.send!({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
