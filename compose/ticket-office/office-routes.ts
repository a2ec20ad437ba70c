/** What the ticket office does upon its state: functions from a request to an answer, which know no server. */
import type { RouteHandler, ServiceCheckpoint } from '../../backend/index.ts'
import { bookingRoutes } from './bookings.ts'
import { counterRoutes } from './counters.ts'
import { registerRoutes } from './registers.ts'

/** Handlers by method and path, such as `'POST /bookings'`; a name after a colon is found in `params`. */
export type OfficeRoutes = Readonly<Record<string, RouteHandler>>

/** Where the maps are. */
export type OfficeState = Pick<ServiceCheckpoint, 'map'>

/** All routes with shared state; each is to be run as a transaction. `newId` makes names that nobody has had before. */
export function officeRoutes(state: OfficeState, newId: () => string): OfficeRoutes {
  return { ...bookingRoutes(state, newId), ...counterRoutes(state), ...registerRoutes(state) }
}
