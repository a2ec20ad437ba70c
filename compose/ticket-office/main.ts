/** `heartline backend`: runs a ticket office. */
import type { Logger } from 'pino'
import { createBackend } from '../../backend/index.ts'
import type { TicketOfficeOptions } from './config.ts'
import { rehearsalOf } from './rehearsal.ts'
import { ticketOffice } from './ticket-office.ts'

/** Resolves when it listens. `done` settles when it has ended; an abort ends it in good order. */
export async function runTicketOffice(
  options: TicketOfficeOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<{ url: string; port: number; done: Promise<void> }> {
  const backend = createBackend({ ...options, log, rehearsal: rehearsalOf(log) })
  const app = ticketOffice(backend, { name: backend.name, upstream: options.upstream, log })
  const place = await backend.start(app)
  const end = () => void backend.close()
  if (signal.aborted) end()
  else signal.addEventListener('abort', end, { once: true })
  return { ...place, done: backend.done }
}

export { type TicketOfficeOptions, ticketOfficeOptions } from './config.ts'
