/** A receiver as far as a live view asks one, for tests. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Board, BoardChanges } from '../../heartbeat-receiver/dashboard/board.ts'
import { sampleBoard } from '../../heartbeat-receiver/dashboard/sample-board.ts'

export interface TestBoardServer {
  /** As `--receivers` takes it. */
  readonly url: string
  /** Whether it says that it leads. */
  leads: boolean
  /** `METHOD PATH AUTHORIZATION` of each request. */
  readonly asked: string[]
  /** How many follow it now. */
  readonly followers: number
  /** Resolves when somebody follows it. */
  followed(): Promise<void>
  tell(event: 'changes', data: BoardChanges): void
  tell(event: 'board', data: Board): void
  tell(event: 'beats', data: { atMs: number; beats: string }): void
  close(): Promise<void>
}

/** Tells `board` to whoever follows; closes with the test. `status` is answered instead, if given. */
export async function startTestBoardServer(
  t: TestContext,
  {
    board = sampleBoard(Date.now()),
    leads = true,
    status = 200,
  }: { board?: Board; leads?: boolean; status?: number } = {},
): Promise<TestBoardServer> {
  const followers = new Set<ServerResponse>()
  const asked: string[] = []
  let onFollowed = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`.trim())
    if (request.url === '/readyz') return void response.end(JSON.stringify({ leads: told.leads }))
    if (status !== 200) return void response.writeHead(status).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`event: board\ndata: ${JSON.stringify(board)}\n\n`)
    followers.add(response)
    response.once('close', () => followers.delete(response))
    onFollowed.resolve()
    onFollowed = Promise.withResolvers()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const told: TestBoardServer = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leads,
    asked,
    get followers() {
      return followers.size
    },
    followed: () => (followers.size > 0 ? Promise.resolve() : onFollowed.promise),
    tell: (event: string, data: unknown) => {
      for (const follower of followers) follower.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  t.after(() => told.close())
  return told
}
