/** The same with Redis: one command a request, those of one turn of the event loop sent together. Arguments: port, appendfsync. */
import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { createApp, serve } from './serving.ts'

const [port, appendFsync] = process.argv.slice(2)
const redis = new Redis({ host: '127.0.0.1', port: Number(port), enableAutoPipelining: true })
for (const [name, wanted] of Object.entries({ appendonly: 'yes', appendfsync: appendFsync })) {
  const found = await redis.config('GET', name)
  if (!JSON.stringify(found).includes(`"${wanted}"`))
    throw new Error(`Redis has ${JSON.stringify(found)}, not ${wanted}`)
}

const app = createApp()

app.post('/bookings', async (request, response) => {
  const { seat, user } = request.body
  const id = randomUUID()
  const added = await redis.hsetnx('bookings', seat, JSON.stringify({ user, id }))
  if (added === 1) {
    response.status(201).json({ seat, user, id })
    return
  }
  const holder = JSON.parse((await redis.hget('bookings', seat)) ?? '{}')
  response.status(409).json({ seat, user: holder.user })
})

serve(app, () => redis.hlen('bookings'))
