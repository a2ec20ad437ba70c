/** Backends that record what reaches them: one keeps the exact bytes, one is Node's own server at its most lenient. */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type ArrivedRequest, readArrived } from './arrived-requests.ts'

/** What arrived since it was last asked. */
export interface Recorded {
  requests: ArrivedRequest[]
  /** What no two servers need read alike. */
  violations: string[]
}

export interface RecordingUpstream {
  url: string
  take(): Recorded
  /** Connections open now. */
  connections(): number
  close(): void
}

const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
const answerToHead = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')

/** Takes any bytes, and answers whatever can be read as a request. */
export async function rawUpstream(): Promise<RecordingUpstream> {
  let recorded: Recorded = { requests: [], violations: [] }
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    let unread = ''
    socket.on('data', (chunk) => {
      unread += chunk.toString('latin1')
      const { requests, rest, violation } = readArrived(unread)
      unread = rest
      recorded.requests.push(...requests)
      for (const { method } of requests) socket.write(method === 'HEAD' ? answerToHead : answer)
      if (violation === undefined) return
      recorded.violations.push(`${violation} in ${JSON.stringify(rest.slice(0, 2_000))}`)
      unread = ''
      socket.end(answer)
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  })
  return {
    url: await listen(server),
    take: () => {
      const taken = recorded
      recorded = { requests: [], violations: [] }
      return taken
    },
    connections: () => sockets.size,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Node's parser with every leniency it has. */
export async function nodeUpstream(): Promise<RecordingUpstream> {
  let requests: ArrivedRequest[] = []
  let violations: string[] = []
  const server = createHttpServer({ insecureHTTPParser: true, requireHostHeader: false })
  server.on('request', (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const headers = new Map<string, string>()
      const { rawHeaders: raw } = request
      for (let index = 0; index < raw.length; index += 2) {
        const name = raw[index]!.toLowerCase()
        const before = headers.get(name)
        headers.set(name, before === undefined ? raw[index + 1]! : `${before}, ${raw[index + 1]}`)
      }
      const body = Buffer.concat(chunks).toString('latin1')
      requests.push({ method: request.method!, target: request.url!, headers, body })
      response.end('ok')
    })
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code !== 'ECONNRESET' && error.code !== 'HPE_INVALID_EOF_STATE') violations.push(String(error))
    socket.destroy()
  })
  return {
    url: await listen(server),
    take: () => {
      const taken = { requests, violations }
      requests = []
      violations = []
      return taken
    },
    connections: () => 0,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function listen(server: ReturnType<typeof createServer> | ReturnType<typeof createHttpServer>): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
