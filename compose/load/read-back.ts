/** Reads what is there when a run is over, through the same door as everyone. */
import { z } from 'zod'
import type { Connection } from './connection.ts'
import type { OperationRequest } from './http-operations.ts'
import type { FinalState } from './operations.ts'

/** How many bookings one request asks for. */
const pageSize = 1_000
/** How often one request is tried, and how long to wait between; a failover may still be under way. */
const triesMax = 20
const retryDelayMs = 250

const pageSchema = z.object({
  bookings: z.array(z.object({ seat: z.string(), user: z.string(), id: z.string() })),
})
const bookingSchema = z.object({ user: z.string(), id: z.string() })
const counterSchema = z.object({ value: z.number() })
const registerSchema = z.object({ value: z.string(), version: z.number() })

export interface ReadBackOptions {
  connection: Pick<Connection, 'send'>
  /** Begins every key of the run. */
  run: string
  counters: Iterable<string>
  registers: Iterable<string>
  /** Read one by one; without them all bookings of the run are read, page by page. */
  seats?: Iterable<string>
}

/** Rejects if something cannot be read within a bounded number of tries. */
export async function readBack(options: ReadBackOptions): Promise<FinalState> {
  const final: FinalState = { bookings: new Map(), counters: new Map(), registers: new Map() }
  const { connection, run, counters, registers, seats } = options
  if (seats) await readSeats(connection, seats, final)
  else await readBookings(connection, `${run}-`, final)
  for (const name of counters) {
    const { text } = await readOne(connection, `/counters/${name}`, [200])
    final.counters.set(name, counterSchema.parse(JSON.parse(text)).value)
  }
  for (const key of registers) {
    const { status, text } = await readOne(connection, `/registers/${key}`, [200, 404])
    if (status === 200) final.registers.set(key, registerSchema.parse(JSON.parse(text)))
  }
  return final
}

async function readBookings(connection: Pick<Connection, 'send'>, prefix: string, final: FinalState): Promise<void> {
  for (let after: string | undefined = prefix; after !== undefined; ) {
    const { text } = await readOne(connection, `/bookings?after=${after}&limit=${pageSize}`, [200])
    const page: z.infer<typeof pageSchema>['bookings'] = pageSchema.parse(JSON.parse(text)).bookings
    const ours = page.filter(({ seat }) => seat.startsWith(prefix))
    for (const { seat, user, id } of ours) final.bookings.set(seat, { user, id })
    after = ours.length === pageSize ? ours.at(-1)!.seat : undefined
  }
}

async function readSeats(
  connection: Pick<Connection, 'send'>,
  seats: Iterable<string>,
  final: FinalState,
): Promise<void> {
  for (const seat of seats) {
    const { status, text } = await readOne(connection, `/bookings/${seat}`, [200, 404])
    if (status === 200) final.bookings.set(seat, bookingSchema.parse(JSON.parse(text)))
  }
}

async function readOne(connection: Pick<Connection, 'send'>, path: string, statuses: number[]) {
  const request: OperationRequest = { method: 'GET', path, body: null }
  for (let tries = 1; ; tries++) {
    const reply = await connection.send(request)
    if (reply.type === 'response' && statuses.includes(reply.status)) return reply
    if (tries < triesMax) await new Promise((resolve) => setTimeout(resolve, retryDelayMs))
    else throw new Error(`GET ${path}: ${reply.type === 'response' ? reply.status : reply.message}`)
  }
}
