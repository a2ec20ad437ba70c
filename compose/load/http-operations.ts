/** Operations as HTTP requests of the demo service's contract, and its answers as {@link Answer}s. */
import { z } from 'zod'
import type { Answer, Operation, Outcome } from './operations.ts'

export const httpMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
export type HttpMethod = (typeof httpMethods)[number]

export interface OperationRequest {
  method: HttpMethod
  path: string
  body: string | null
  /** Of the body; JSON if left out. */
  contentType?: string
}

/** The request that performs an operation. */
export function requestOf(operation: Operation): OperationRequest {
  switch (operation.op) {
    case 'book':
      return send('POST', '/bookings', { seat: operation.seat, user: operation.user })
    case 'cancel':
      return { method: 'DELETE', path: `/bookings/${operation.seat}`, body: null }
    case 'read-seat':
      return get(`/bookings/${operation.seat}`)
    case 'increment':
      return send('POST', `/counters/${operation.counter}/increments`, {})
    case 'read-counter':
      return get(`/counters/${operation.counter}`)
    case 'put':
      return send('PUT', `/registers/${operation.register}`, { value: operation.value })
    case 'compare-and-set':
      return send('POST', `/registers/${operation.register}/compare-and-set`, {
        expect: operation.expect,
        value: operation.value,
      })
    case 'read-register':
      return get(`/registers/${operation.register}`)
  }
}

function get(path: string): OperationRequest {
  return { method: 'GET', path, body: null }
}

function send(method: 'POST' | 'PUT', path: string, body: unknown): OperationRequest {
  return { method, path, body: JSON.stringify(body) }
}

const version = z.number().int().nonnegative()
const shapes = {
  booking: z.object({ user: z.string(), id: z.string() }).transform((body) => ({ type: 'booking' as const, ...body })),
  taken: z.object({ user: z.string() }).transform((body) => ({ type: 'taken' as const, ...body })),
  cancelled: z.unknown().transform(() => ({ type: 'cancelled' as const })),
  notFound: z.unknown().transform(() => ({ type: 'not-found' as const })),
  count: z.object({ value: version }).transform((body) => ({ type: 'count' as const, ...body })),
  register: z
    .object({ value: z.string(), version: version.min(1) })
    .transform((body) => ({ type: 'register' as const, ...body })),
  mismatch: z
    .object({ value: z.string().nullable(), version })
    .transform((body) => ({ type: 'mismatch' as const, ...body })),
}

/** Every status that is no error, per operation, with the shape of its body. */
const expected: Record<Operation['op'], Record<number, z.ZodType<Answer>>> = {
  book: { 201: shapes.booking, 409: shapes.taken },
  cancel: { 200: shapes.cancelled, 404: shapes.notFound },
  'read-seat': { 200: shapes.booking, 404: shapes.notFound },
  increment: { 200: shapes.count },
  'read-counter': { 200: shapes.count },
  put: { 200: shapes.register },
  'compare-and-set': { 200: shapes.register, 412: shapes.mismatch },
  'read-register': { 200: shapes.register, 404: shapes.notFound },
}

/** Statuses after which nothing was changed, whatever the body says. */
const refusedBefore = new Set([400, 404, 405, 409, 410, 412, 413, 415, 421, 422, 429])

/** Judges an answer: legitimate, or an error by its status (`503`) or as `BAD_BODY`. */
export function outcomeOf(operation: Operation, status: number, text: string): Outcome {
  const shape = expected[operation.op][status]
  const body = parseJson(text)
  if (!shape) {
    const notApplied = refusedBefore.has(status) || (body as { outcome?: unknown } | null)?.outcome === 'not applied'
    return { type: notApplied ? 'not-applied' : 'unknown', code: String(status) }
  }
  const found = shape.safeParse(body)
  return found.success ? { type: 'answered', answer: found.data } : { type: 'unknown', code: 'BAD_BODY' }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
