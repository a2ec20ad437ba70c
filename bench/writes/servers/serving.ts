/** What every server of this benchmark shares: where it listens, and how it is asked what it holds. It holds no state itself. */
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'

/** What the benchmark asks. `begin` and `end` are of what goes on beside the requests, where there is something. */
export type Question = 'count' | 'cpu' | 'begin' | 'end'
/** What a server tells: where it listens, how many bookings its store holds, the processor time it used, how often something was done beside. */
export type Told = { port: number } | { count: number } | { cpuMs: number } | { begun: true } | { times: number }

/** Work that goes on beside the requests while they are measured, again and again. */
export type Beside = () => Promise<unknown>

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
export function serve(app: RequestListener, count: () => number | Promise<number>, beside?: Beside): void {
  const again = beside && new Again(beside)
  process.on('disconnect', () => process.exit())
  process.on('message', (question: Question) => {
    void answer(question, count, again)
  })
  const server = createServer(app)
  server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }))
}

async function answer(question: Question, count: () => number | Promise<number>, again?: Again): Promise<void> {
  if (question === 'count') return tell({ count: await count() })
  if (question === 'begin') {
    again?.begin()
    return tell({ begun: true })
  }
  if (question === 'end') return tell({ times: (await again?.end()) ?? 0 })
  const { user, system } = process.cpuUsage()
  tell({ cpuMs: (user + system) / 1_000 })
}

/** Does something again and again, from its beginning to its end. */
class Again {
  readonly #work: Beside
  #running: Promise<number> = Promise.resolve(0)
  #ending = true

  constructor(work: Beside) {
    this.#work = work
  }

  begin(): void {
    this.#ending = false
    this.#running = this.#run()
  }

  /** Resolves, when the last one is done, with how many there were. */
  end(): Promise<number> {
    this.#ending = true
    return this.#running
  }

  async #run(): Promise<number> {
    let times = 0
    for (; !this.#ending; times++) await this.#work()
    return times
  }
}

function tell(message: Told): void {
  process.send?.(message)
}
