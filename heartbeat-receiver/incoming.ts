/** Reads what peers send: a message of the protocol, or the reason why the connection must be closed. Pure. */
import type { z } from 'zod'
import {
  closeCodes,
  type FromBackend,
  type FromFollower,
  fromBackendSchema,
  fromFollowerSchema,
  protocolVersion,
} from './protocol.ts'

/** Where a connection was opened. */
export const paths = { heartbeats: '/heartbeats', decisions: '/decisions' } as const
export type Lane = keyof typeof paths
export type Message = { heartbeats: FromBackend; decisions: FromFollower }

export type Parsed<M> = { readonly message: M } | { readonly refusal: Refusal }
export interface Refusal {
  readonly code: number
  readonly reason: string
}

const firstMessages = { heartbeats: 'hello', decisions: 'follow' } as const
const schemas = { heartbeats: fromBackendSchema, decisions: fromFollowerSchema } as const

/** Parses one message. `greeted` is whether the connection has said its first message. */
export function parseMessage<L extends Lane>(lane: L, text: string, greeted: boolean): Parsed<Message[L]> {
  const value = parseJson(text)
  if (value === undefined) return malformed('not JSON')
  const first = firstMessages[lane]
  const { type, version } = (value ?? {}) as { type?: unknown; version?: unknown }
  if (greeted === (type === first)) return malformed(greeted ? `${first} was said before` : `${first} comes first`)
  // Before the rest is looked at: a newer version may well have other fields.
  if (type === first && typeof version === 'number' && version !== protocolVersion) {
    const reason = `version ${version} is not supported; this receiver speaks ${protocolVersion}: upgrade the receivers first`
    return { refusal: { code: closeCodes.versionUnsupported, reason } }
  }
  const parsed = schemas[lane].safeParse(value)
  return parsed.success ? { message: parsed.data as Message[L] } : malformed(firstProblem(parsed.error))
}

/** A reason fits a close frame: 123 bytes of UTF-8 (RFC 6455 5.5). */
export function closeReason(text: string): string {
  const bytes = new TextEncoder().encode(text)
  return bytes.length <= 123 ? text : `${new TextDecoder().decode(bytes.slice(0, 117)).replace(/\uFFFD$/, '')}…`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // never a value of JSON
  }
}

function malformed(what: string): { refusal: Refusal } {
  return { refusal: { code: closeCodes.malformed, reason: `malformed message: ${what}` } }
}

function firstProblem(error: z.ZodError): string {
  const issue = error.issues[0]
  return issue ? `${issue.path.join('.') || 'message'}: ${issue.message}` : 'unknown'
}
