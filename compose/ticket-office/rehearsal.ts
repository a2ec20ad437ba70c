/** What a copy of the ticket office is asked before anybody asks the real one: one request of each kind. */
import type { Logger } from 'pino'
import type { Rehearsal } from '../../backend/index.ts'
import { ticketOffice } from './ticket-office.ts'

export function rehearsalOf(log: Logger): Rehearsal {
  return {
    app: (copy) => ticketOffice(copy, { name: 'rehearsal', log }),
    requests: [
      { method: 'POST', path: '/bookings', body: { seat: 'a', user: 'a' } },
      { method: 'POST', path: '/bookings', body: { seat: 'a', user: 'b' } },
      { method: 'GET', path: '/bookings/a' },
      { method: 'GET', path: '/bookings?limit=5' },
      { method: 'DELETE', path: '/bookings/a' },
      { method: 'POST', path: '/counters/a/increments', body: { by: 1 } },
      { method: 'GET', path: '/counters/a' },
      { method: 'PUT', path: '/registers/a', body: { value: 'a' } },
      { method: 'GET', path: '/registers/a' },
      { method: 'POST', path: '/registers/a/compare-and-set', body: { expect: 'a', value: 'b' } },
    ],
  }
}
