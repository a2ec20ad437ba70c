/** Reads what is there when a run is over, through the same door as everyone. */
import { z } from 'zod'
import type { Connection } from './connection.ts'
import type { OperationRequest } from './http-operations.ts'
import type { FinalState } from './operations.ts'

/** How many bookings one request asks for. */
const pageSize = 1_000
/** How many requests for single seats are under way at a time. */
export const lanes = 4
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
  await inLanes(seats, async (seat) => {
    const { status, text } = await readOne(connection, `/bookings/${seat}`, [200, 404])
    if (status === 200) final.bookings.set(seat, bookingSchema.parse(JSON.parse(text)))
  })
}

/** Cancels what is booked and was verified. Rejects if a seat is not booked any more, or cannot be cancelled. */
export async function cancelSeats(connection: Pick<Connection, 'send'>, seats: Iterable<string>): Promise<void> {
  await inLanes(seats, async (seat) => {
    const request: OperationRequest = { method: 'DELETE', path: `/bookings/${seat}`, body: null }
    await sendOne(connection, request, (status, unknown) => status === 200 || (status === 404 && unknown))
  })
}

async function inLanes(seats: Iterable<string>, work: (seat: string) => Promise<void>): Promise<void> {
  const left = seats[Symbol.iterator]()
  const lane = async () => {
    for (let next = left.next(); !next.done; next = left.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

function readOne(connection: Pick<Connection, 'send'>, path: string, statuses: number[]) {
  return sendOne(connection, { method: 'GET', path, body: null }, (status) => statuses.includes(status))
}

async function sendOne(
  connection: Pick<Connection, 'send'>,
  request: OperationRequest,
  /** `unknown` if an earlier try may have been carried out, though nobody heard of it. */
  isRight: (status: number, unknown: boolean) => boolean,
) {
  let unknown = false
  for (let tries = 1; ; tries++) {
    const reply = await connection.send(request)
    if (reply.type === 'response' && isRight(reply.status, unknown)) return reply
    unknown ||= reply.type === 'failure' || reply.status >= 500
    if (tries < triesMax) await new Promise((resolve) => setTimeout(resolve, retryDelayMs))
    else {
      const why = reply.type === 'response' ? reply.status : reply.message
      throw new Error(`${request.method} ${request.path}: ${why}`)
    }
  }
}
