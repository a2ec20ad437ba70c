/**
 * Express with its state in a plain Map: all is lost with the process. Argument:
 * - `plain`: answers each request in its handler, as a user would write it
 * - `stock`: the same, with the ETag and X-Powered-By that Express adds unless told otherwise
 * - `batched`: answers what arrived together, together. A durable store makes a server do so, and that alone makes it cheaper:
 *   the control that tells the cost of durability from the gain of batching.
 */
import { randomUUID } from 'node:crypto'
import type { Response } from 'express'
import { createApp, serve } from './serving.ts'

interface Booking {
  user: string
  id: string
}

const mode = process.argv[2]
const bookings = new Map<string, Booking>()
const app = createApp()
if (mode === 'stock') app.enable('x-powered-by').set('etag', 'weak')
const answer = mode === 'batched' ? inBatches() : send

app.post('/bookings', (request, response) => {
  const { seat, user } = request.body
  const holder = bookings.get(seat)
  if (holder) return answer(response, 409, { seat, user: holder.user })
  const id = randomUUID()
  bookings.set(seat, { user, id })
  answer(response, 201, { seat, user, id })
})

serve(app, () => bookings.size)

function send(response: Response, status: number, body: object): void {
  response.status(status).json(body)
}

/** Holds answers for a millisecond, about as long as a store takes. */
function inBatches(): typeof send {
  let batch: Parameters<typeof send>[] = []
  return (...next) => {
    if (batch.push(next) > 1) return
    setTimeout(() => {
      const due = batch
      batch = []
      for (const one of due) send(...one)
    }, 1)
  }
}
