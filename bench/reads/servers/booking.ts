/**
 * Express with its bookings in a checkpoint on Kafka, as those of `bench writes` are. Arguments: brokers, topic, how its reads are protected:
 * - `none`: the handler reads the state as it is and answers with the same bytes. What it says may be void, or long overtaken by another server
 * - `lease`: by `checkpoint.route`, under a lease that is granted as a receiver does, twice as often as it must be
 * - `barrier`: by `checkpoint.route`, without a lease
 */
import { randomUUID } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { createCheckpoint, journalPorts, routes } from '../../../checkpoint/index.ts'
import { momentOf } from '../../../checkpoint/staleness.ts'
import { realTime } from '../../../checkpoint/time.ts'
import { createApp } from '../../writes/servers/serving.ts'

/** What a server tells at first. */
export interface Listening {
  readonly port: number
}
/** What a server tells when it is asked. */
export interface Figures {
  readonly cpuMs: number
  readonly byLease: number
  readonly byBarrier: number
  /** Records of the journal. */
  readonly records: number
}

const leaseMs = 200
const [brokers, topic, protection] = process.argv.slice(2) as [string, string, 'none' | 'lease' | 'barrier']
const log = pino({ level: 'warn' })
const node = 'bench'
const checkpoint = createCheckpoint({
  ...journalPorts({ kafka: brokers.split(','), topic, clientId: node, log }),
  ...{ incarnation: randomUUID(), node, log },
})
const { route } = routes(checkpoint, { node, log })
const bookings = checkpoint.map<{ user: string; id: string }>('bookings')
const app = createApp()

if (protection === 'none')
  app.get('/bookings/:seat', (request, response) => {
    const { seat } = request.params
    const booking = checkpoint.stale(() => bookings.get(seat))
    if (booking) send(response, 200, { seat, ...booking })
    else send(response, 404, { seat })
  })
else
  app.get(
    '/bookings/:seat',
    route((request) => {
      const { seat } = request.params as { seat: string }
      const booking = bookings.get(seat)
      return booking ? { body: { seat, ...booking } } : { status: 404, body: { seat } }
    }),
  )

await checkpoint.start()
checkpoint.lead()
if (!(await checkpoint.whenLeading(10_000))) throw new Error('the checkpoint does not lead')
await checkpoint.transact(() => bookings.set('A1', { user: 'someone', id: randomUUID() }))
if (protection === 'lease') setInterval(grant, leaseMs / 4)
grant()

process.on('disconnect', () => process.exit())
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  const { reads, offset } = checkpoint.status()
  process.send?.({ cpuMs: (user + system) / 1_000, records: offset, ...reads } satisfies Figures)
})
const server = createServer(app)
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.send?.({ port } satisfies Listening)
})

function grant(): void {
  if (protection !== 'lease') return
  const [epoch] = checkpoint.reign
  checkpoint.grantLease({ epoch, forMs: leaseMs, sentAt: momentOf(realTime) })
}

/** As a route answers: Express's own `json` does more, and would make the others look good. */
function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'x-heartline-backend': node,
    'x-heartline-epoch': checkpoint.reign[0],
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
