/** Where a receiver of `demo` and `up` has a backend killed, for the button of the dashboard: `POST {name}` to an address that nobody can guess. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

const bodyBytesMax = 1_024
const connectionsMax = 16
const requestTimeoutMs = 5_000
const secretBytes = 32

/** What came of the wish to kill one. */
export type KillAnswer =
  | { readonly killed: true }
  /** 404 for a stranger, 409 for one that is dead already, 503 where it is not the time for it. */
  | { readonly killed: false; readonly status: 404 | 409 | 503; readonly reason: string }

export interface KillHook {
  /** Holds the secret: for the environment of the receivers, never for a log. */
  readonly url: string
  close(): Promise<void>
}

const wish = z.object({ name: z.string().min(1).max(128) })

/** Listens on loopback. `kill` is asked with names of all kinds; a rejection of it is answered with 500. */
export async function openKillHook(kill: (name: string) => Promise<KillAnswer>): Promise<KillHook> {
  const path = Buffer.from(`/kill/${randomBytes(secretBytes).toString('base64url')}`)
  const server = createServer((request, response) => {
    void answer(request, response, path, kill).catch(() => send(response, 500, 'it was not killed: an internal error'))
  })
  server.maxConnections = connectionsMax
  server.requestTimeout = requestTimeoutMs
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}${path}`,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  path: Buffer,
  kill: (name: string) => Promise<KillAnswer>,
): Promise<void> {
  const asked = Buffer.from(request.url ?? '')
  if (asked.length !== path.length || !timingSafeEqual(asked, path)) return send(response, 404, 'no such page')
  if (request.method !== 'POST') return send(response, 405, 'only POST kills')
  const body = await bodyOf(request)
  const parsed = wish.safeParse(body)
  if (!parsed.success) return send(response, 400, 'expected {"name": "…"} as JSON')
  const { name } = parsed.data
  const outcome = await kill(name)
  if (outcome.killed) response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ name }))
  else send(response, outcome.status, outcome.reason)
}

/** The JSON of a request; undefined if it is none, or too long. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > bodyBytesMax) return undefined
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    return undefined
  }
}

function send(response: ServerResponse, status: number, title: string): void {
  if (response.headersSent) return void response.end()
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ type: 'about:blank', title, status }))
}
