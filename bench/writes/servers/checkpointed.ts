/** The same with `checkpoint`: durable in Kafka before the answer. Arguments: brokers, topic. */
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { createCheckpoint, kafkaJournal, routes } from '../../../checkpoint/index.ts'
import { createApp, serve } from './serving.ts'

interface Booking {
  user: string
  id: string
}

const [brokers, topic] = process.argv.slice(2) as [string, string]
const log = pino({ level: 'warn' })
const node = 'bench'
const journal = kafkaJournal({ brokers: brokers.split(','), topic, clientId: node, log })
const checkpoint = createCheckpoint({ journal, incarnation: randomUUID(), node, log })
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
checkpoint.lead(checkpoint.status().journalReign[0] + 1)
if (!(await checkpoint.whenLeading(10_000))) throw new Error('the checkpoint does not lead')
serve(app, () => checkpoint.read(() => bookings.size))
