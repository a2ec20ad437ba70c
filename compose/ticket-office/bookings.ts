/** Seats and who booked them. */
import { z } from 'zod'
import { problem } from '../../backend/index.ts'
import { checked, inputOf, name } from './checked.ts'
import type { OfficeRoutes, OfficeState } from './office-routes.ts'
import { pageAfter } from './page.ts'

interface Booking {
  user: string
  id: string
}

const pageSizeMax = 1_000
const ofSeat = inputOf({ params: z.object({ seat: name }) })
const ofBooking = inputOf({ body: z.strictObject({ seat: name, user: name }) })
const ofPage = inputOf({
  query: z.object({
    after: z.string().max(128).default(''),
    limit: z.coerce.number().int().min(1).max(pageSizeMax).default(100),
  }),
})

/** `newId` names a booking as nothing else is named. */
export function bookingRoutes(state: OfficeState, newId: () => string): OfficeRoutes {
  const bookings = state.map<Booking>('bookings')
  const free = (seat: string) => problem(404, 'Not Found', { detail: `seat ${seat} is not booked` })

  const book = checked(ofBooking, (_params, _query, { seat, user }) => {
    const holder = bookings.get(seat)
    if (holder) return problem(409, 'Conflict', { detail: 'the seat is taken', seat, user: holder.user })
    const id = newId()
    bookings.set(seat, { user, id })
    return { status: 201, body: { seat, user, id } }
  })

  const show = checked(ofSeat, ({ seat }) => {
    const booking = bookings.get(seat)
    return booking ? { body: { seat, ...booking } } : free(seat)
  })

  const cancel = checked(ofSeat, ({ seat }) => {
    const booking = bookings.get(seat)
    if (!booking) return free(seat)
    bookings.delete(seat)
    return { body: { seat, ...booking } }
  })

  const list = checked(ofPage, (_params, { after, limit }) => {
    const found = pageAfter(bookings.entries(), after, limit)
    return { body: { count: bookings.size, bookings: found.map(([seat, booking]) => ({ seat, ...booking })) } }
  })

  return {
    'POST /bookings': book,
    'GET /bookings': list,
    'GET /bookings/:seat': show,
    'DELETE /bookings/:seat': cancel,
  }
}
