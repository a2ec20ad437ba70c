/** The process of one worker: what clients reach, told by its parent who is there. It ends with the parent, in whatever way that ends. */
import { enableCompileCache } from 'node:module'
import { createLogger } from '../../checkpoint/logger.ts'
import { createFront, type Front } from '../balancer.ts'
import { BalancerError } from '../errors.ts'
import { Metrics } from '../metrics.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { ParentLink } from './parent-link.ts'

const exitCodes = { fine: 0, failed: 1 } as const

let front: Front | undefined
let metrics: Metrics | undefined
let link: ParentLink | undefined
let ending = false

function tell(message: FromWorker): void {
  // A parent that is gone is noticed by the end of the channel.
  if (process.connected) process.send!(message, undefined, undefined, () => undefined)
}

async function take(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'begin':
      return begin(message)
    case 'view':
      return link?.see(message.view)
    case 'count':
      return tell({ type: 'counted', id: message.id, metrics: (await metrics?.json()) ?? [] })
    case 'tally':
      return metrics && tell({ type: 'tally', counted: metrics.counted() })
    case 'ping':
      return tell({ type: 'pong' })
    case 'stop':
      return end()
  }
}

async function begin({ name, options, port, view }: ToWorker & { type: 'begin' }): Promise<void> {
  const log = (await createLogger(options.logLevel, process.stdout)).child({ worker: name })
  metrics = new Metrics()
  link = new ParentLink(view, tell)
  front = createFront({ ...options, ...view.settings }, { follower: link, membership: link.membership, metrics, log })
  link.on('settings', (settings) => front!.lane.set(settings))
  try {
    tell({ type: 'listening', port: await front.listen(port, true) })
  } catch (error) {
    if (!(error instanceof BalancerError)) throw error
    tell({ type: 'refused', code: error.code, message: error.message })
    await end()
  }
}

/** In order, with the deadline of a balancer that stops; what is sent to it now goes to the other workers. */
async function end(): Promise<void> {
  if (ending) return
  ending = true
  await front?.close()
  process.exit(exitCodes.fine)
}

function crash(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`heartline balancer, worker: ${text}\n`)
  process.exit(exitCodes.failed)
}

process.on('uncaughtException', crash)
process.on('unhandledRejection', crash)
process.on('disconnect', () => void end())
// A terminal sends these to the parent too, which ends its workers in order.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (ending) process.exit(exitCodes.failed)
    void end()
  })
process.on('message', (message: ToWorker) => void take(message))
enableCompileCache() // a worker that replaces another must not spend its first second on compiling
