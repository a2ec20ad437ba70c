/** What every server of this benchmark shares: where it listens, and how it is asked what it holds. It holds no state itself. */
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'

/** What the benchmark asks. */
export type Question = 'count' | 'cpu'
/** What a server tells: where it listens, how many bookings its store holds, the processor time it used. */
export type Told = { port: number } | { count: number } | { cpuMs: number }

/**
 * Express without what `checkpoint.route` does not do either: hashing every answer for an ETag, and naming itself. All contenders do the same
 * work beside their store, or the comparison would count Express's hash as a cost of theirs.
 */
export function createApp(): Express {
  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.use(express.json())
  return app
}

/** Listens on a free port and answers the benchmark until it goes. `count` asks the store itself. */
export function serve(app: RequestListener, count: () => number | Promise<number>): void {
  process.on('disconnect', () => process.exit())
  process.on('message', (question: Question) => {
    void answer(question, count)
  })
  const server = createServer(app)
  server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }))
}

async function answer(question: Question, count: () => number | Promise<number>): Promise<void> {
  if (question === 'count') return tell({ count: await count() })
  const { user, system } = process.cpuUsage()
  tell({ cpuMs: (user + system) / 1_000 })
}

function tell(message: Told): void {
  process.send?.(message)
}
