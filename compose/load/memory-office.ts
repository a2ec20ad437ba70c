/** A ticket office in memory that does nothing wrong, for tests of the client. */
import type { Reply } from './connection.ts'
import type { OperationRequest } from './http-operations.ts'

export class MemoryOffice {
  readonly bookings = new Map<string, { user: string; id: string }>()
  readonly #counters = new Map<string, number>()
  readonly #registers = new Map<string, { value: string; version: number }>()
  #ids = 0

  readonly send = async (request: OperationRequest): Promise<Reply> => {
    const [status, body] = this.#answer(request)
    return { type: 'response', status, text: JSON.stringify(body), backend: 'office', epoch: 1, replays: 0 }
  }

  async close(): Promise<void> {}

  #answer({ method, path, body }: OperationRequest): [status: number, body: unknown] {
    const { pathname, searchParams } = new URL(path, 'http://office')
    const [, kind, key = ''] = pathname.split('/')
    const given = body === null ? {} : JSON.parse(body)
    if (kind === 'counters') return this.#counter(method === 'POST', key)
    if (kind === 'registers') return this.#register(method, key, given)
    if (method === 'POST') return this.#book(given.seat, given.user)
    if (key === '') return this.#list(searchParams.get('after') ?? '')
    const booking = this.bookings.get(key)
    if (method === 'DELETE') this.bookings.delete(key)
    return booking ? [200, { seat: key, ...booking }] : [404, {}]
  }

  #book(seat: string, user: string): [number, unknown] {
    const holder = this.bookings.get(seat)
    if (holder) return [409, { seat, user: holder.user }]
    const booking = { user, id: `${++this.#ids}` }
    this.bookings.set(seat, booking)
    return [201, { seat, ...booking }]
  }

  #list(after: string): [number, unknown] {
    const found = [...this.bookings].filter(([seat]) => seat > after).sort(([left], [right]) => (left < right ? -1 : 1))
    return [
      200,
      { count: found.length, bookings: found.map(([seat, booking]) => ({ seat, ...booking })).slice(0, 1_000) },
    ]
  }

  #counter(raise: boolean, name: string): [number, unknown] {
    const value = (this.#counters.get(name) ?? 0) + (raise ? 1 : 0)
    this.#counters.set(name, value)
    return [200, { name, value }]
  }

  #register(method: string, key: string, given: { expect?: string | null; value?: string }): [number, unknown] {
    const current = this.#registers.get(key)
    if (method === 'GET') return current ? [200, { key, ...current }] : [404, {}]
    if (method === 'POST' && (current?.value ?? null) !== given.expect)
      return [412, { key, value: current?.value ?? null, version: current?.version ?? 0 }]
    const register = { value: given.value!, version: (current?.version ?? 0) + 1 }
    this.#registers.set(key, register)
    return [200, { key, ...register }]
  }
}
