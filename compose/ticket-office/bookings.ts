/** Seats and who booked them. */
import { randomUUID } from 'node:crypto'
import type { Express } from 'express'
import { z } from 'zod'
import { type Backend, problem } from '../../backend/index.ts'
import { checked, name } from './checked.ts'
import { pageAfter } from './page.ts'

interface Booking {
  user: string
  id: string
}

const pageSizeMax = 1_000

export function addBookings(app: Express, { checkpoint }: Backend): void {
  const bookings = checkpoint.map<Booking>('bookings')
  const seatOnly = z.object({ seat: name })
  const free = (seat: string) => problem(404, 'Not Found', { detail: `seat ${seat} is not booked` })

  const book = checked({ body: z.strictObject({ seat: name, user: name }) }, (_params, _query, { seat, user }) => {
    const holder = bookings.get(seat)
    if (holder) return problem(409, 'Conflict', { detail: 'the seat is taken', seat, user: holder.user })
    const id = randomUUID()
    bookings.set(seat, { user, id })
    return { status: 201, body: { seat, user, id } }
  })

  const show = checked({ params: seatOnly }, ({ seat }) => {
    const booking = bookings.get(seat)
    return booking ? { body: { seat, ...booking } } : free(seat)
  })

  const cancel = checked({ params: seatOnly }, ({ seat }) => {
    const booking = bookings.get(seat)
    if (!booking) return free(seat)
    bookings.delete(seat)
    return { body: { seat, ...booking } }
  })

  const page = z.object({
    after: z.string().max(128).default(''),
    limit: z.coerce.number().int().min(1).max(pageSizeMax).default(100),
  })
  const list = checked({ query: page }, (_params, { after, limit }) => {
    const found = pageAfter(bookings.entries(), after, limit)
    return { body: { count: bookings.size, bookings: found.map(([seat, booking]) => ({ seat, ...booking })) } }
  })

  app.post('/bookings', checkpoint.route(book))
  app.get('/bookings', checkpoint.route(list))
  app.get('/bookings/:seat', checkpoint.route(show))
  app.delete('/bookings/:seat', checkpoint.route(cancel))
}
