/** A server without state of its own that others would have to know: `node shop.ts PORT [leashed]`. Slow for so long as it is told to be; leashed, it ends with its parent. */
import { createServer } from 'node:http'

const statuses: Record<string, number> = { GET: 200, HEAD: 200, PUT: 200, DELETE: 204, POST: 201 }
/** Long enough that a crash meets requests under way. */
const usualMs = 30
let delayMs = usualMs

const server = createServer((request, response) => {
  const { method = '', url = '' } = request
  request.resume()
  request.on('end', () => {
    if (url === '/health') return void response.end('well')
    if (url.startsWith('/slow/')) {
      delayMs = usualMs + Number(url.slice('/slow/'.length))
      return void response.end()
    }
    const status = statuses[method] ?? 405
    const answer = () => response.writeHead(status).end(status === 204 ? undefined : `{"path":${JSON.stringify(url)}}`)
    setTimeout(answer, delayMs)
  })
})
server.keepAliveTimeout = 75_000
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write('the shop is open\n'))
process.on('SIGTERM', () => {
  server.close()
  server.closeIdleConnections()
})
if (process.argv[3] === 'leashed') process.stdin.on('end', () => process.exit()).resume()
