/** fast-proxy on its own undici (argument `undici`), or on `node:http`. */
import { fastProxy } from 'fast-proxy'
import { connectionsMax, serve, upstream } from './serving.ts'

const overUndici = process.argv[3] === 'undici'
const { proxy } = fastProxy({
  base: upstream,
  ...(overUndici ? { undici: { connections: connectionsMax, pipelining: 1 } } : {}),
})

serve((request, response) => proxy(request, response, request.url!))
