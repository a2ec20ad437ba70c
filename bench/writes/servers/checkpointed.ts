/**
 * The same with `checkpoint`: durable in Kafka before the answer. Arguments: brokers, topic; then, for a large state, how many keys it holds beside
 * the bookings. It takes snapshots of it while it is told to; as `follow`, the fourth argument, it does so as a standby, and serves nobody.
 */
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { createCheckpoint, journalPorts, routes } from '../../../checkpoint/index.ts'
import { fillState } from '../../../compose/filling/filled-state.ts'
import { createApp, serve } from './serving.ts'

interface Booking {
  user: string
  id: string
}

/** No snapshot but those that are asked for. */
const limits = { snapshotTailBytes: Number.MAX_SAFE_INTEGER }
const [brokers, topic, keys = '0', role = 'lead'] = process.argv.slice(2) as [string, string, string?, string?]
const log = pino({ level: 'warn' })
const node = 'bench'
const ports = journalPorts({ kafka: brokers.split(','), topic, clientId: node, log })
const checkpoint = createCheckpoint({ ...ports, incarnation: randomUUID(), node, log, limits })
const { route } = routes(checkpoint, { node, log })

const bookings = checkpoint.map<Booking>('bookings')
const app = createApp()

app.post(
  '/bookings',
  route((request) => {
    const { seat, user } = request.body
    const holder = bookings.get(seat)
    if (holder) return { status: 409, body: { seat, user: holder.user } }
    const id = randomUUID()
    bookings.set(seat, { user, id })
    return { status: 201, body: { seat, user, id } }
  }),
)

await checkpoint.start()
if (role === 'lead') await lead()
serve(
  app,
  () => checkpoint.read(() => bookings.size),
  () => checkpoint.takeSnapshot(),
)

async function lead(): Promise<void> {
  checkpoint.lead(checkpoint.status().journalReign[0] + 1)
  if (!(await checkpoint.whenLeading(10_000))) throw new Error('the checkpoint does not lead')
  await fillState(checkpoint, Number(keys))
}
