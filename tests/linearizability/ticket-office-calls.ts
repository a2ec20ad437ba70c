/** How operations are asked of the demo service over HTTP, and what its answers say. */
import type { Invocation, JsonValue, Results, Unanswered } from './operation.ts'

/** A request of the demo service, without what carries it. */
export interface OfficeRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: JsonValue
}

/** The request that makes an operation. */
export function requestOf({ model, key, call }: Invocation): OfficeRequest {
  const name = encodeURIComponent(key)
  if (model === 'register') {
    const path = `/registers/${name}`
    if (call.name === 'get') return { method: 'GET', path }
    if (call.name === 'set') return { method: 'PUT', path, body: { value: call.value } }
    const body = { expect: call.expect, value: call.value }
    return { method: 'POST', path: `${path}/compare-and-set`, body }
  }
  if (model === 'counter') {
    if (call.name === 'get') return { method: 'GET', path: `/counters/${name}` }
    return { method: 'POST', path: `/counters/${name}/increments`, body: { by: call.by } }
  }
  if (call.name === 'book') return { method: 'POST', path: '/bookings', body: { seat: key, user: call.user } }
  return { method: call.name === 'get' ? 'GET' : 'DELETE', path: `/bookings/${name}` }
}

/** Which answers other than 200 and 201 are those of the service itself, and mean that the object was not as hoped. */
const refusals: Record<Invocation['model'], readonly number[]> = {
  register: [404, 412],
  counter: [],
  booking: [404, 409],
}

/**
 * What an answer tells. An error says its outcome itself (`not applied`, or `unknown`); one that does not say is unknown, but for
 * the client errors that are found before a request is run (400 and 413).
 * @param body parsed JSON, or undefined if there was none.
 */
export function resultOf({ model }: Invocation, status: number, body: unknown): Results[keyof Results] | Unanswered {
  const told = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const ok = status === 200 || status === 201
  if (!ok && !refusals[model].includes(status)) {
    return told.outcome === 'not applied' || status === 400 || status === 413 ? 'not applied' : 'unknown'
  }
  if (model === 'counter') return typeof told.value === 'number' ? { value: told.value } : 'unknown'
  if (model === 'register') {
    if (status !== 404 && typeof told.version !== 'number') return 'unknown'
    return { ok, value: (told.value ?? null) as JsonValue, version: (told.version ?? 0) as number }
  }
  const { user, id } = told as { user?: string; id?: string }
  if (status !== 404 && user === undefined) return 'unknown'
  return { ok, ...(user !== undefined && { user }), ...(id !== undefined && { id }) }
}
