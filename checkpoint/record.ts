/**
 * The records of a journal, version 1, and their encoding: one JSON text a record, in UTF-8.
 * A reader that meets a type or version it does not know must stop: skipping it would let replicas diverge in silence.
 */
import { z } from 'zod'
import { CheckpointError } from './errors.ts'

/** Version written by this code, and the only one it reads. */
export const recordVersion = 1

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** The number of a reign: `[epoch, attempt]`, compared left to right. The receiver gives epochs, the writer counts attempts. */
export type Reign = readonly [epoch: number, attempt: number]

/** Negative, zero or positive as `left` is lower than, equal to or higher than `right`. */
export function compareReigns(left: Reign, right: Reign): number {
  return left[0] - right[0] || left[1] - right[1]
}

/** `[map, key, value]` sets, `[map, key]` deletes. */
export type Change = readonly [map: string, key: string, value: Json] | readonly [map: string, key: string]

/** One transaction as journaled. Every field is optional: what it does not have it does not do. */
export interface Transaction {
  /** Recorded under this session and number; and every number below `lowestWaiting` is forgotten. */
  readonly request?: readonly [session: string, number: number, lowestWaiting: number]
  /** Recorded under this client key too. */
  readonly key?: string
  /** Hash of what the client asked under `key`: the same key with another request is a mistake. */
  readonly fingerprint?: string
  readonly changes?: readonly Change[]
  readonly response?: Json
  /** Opens this session. */
  readonly open?: string
  /** Ends this session and forgets what it recorded. */
  readonly end?: string
  /** Forgets client keys recorded before this journal time, milliseconds. */
  readonly forgetBefore?: number
}

/** Begins a reign and fences every earlier one. */
export interface Claim {
  readonly type: 'claim'
  readonly version: number
  readonly reign: Reign
  readonly incarnation: string
  /** Name of the node, for people. */
  readonly node: string
  /** Where the node can be reached, for balancers that hear no receiver; empty if it serves nobody. */
  readonly url: string
  /** Journal time, milliseconds. */
  readonly at: number
  /** The claimant had read everything below this offset … */
  readonly through: number
  /** … and this was the digest of the valid history there. */
  readonly digest: string
}

/** Carries a group of transactions: one record, so all or nothing. */
export interface Commit {
  readonly type: 'commit'
  readonly version: number
  readonly reign: Reign
  readonly incarnation: string
  /** Journal time, milliseconds. */
  readonly at: number
  /** Digest of the valid history before this record. */
  readonly digest: string
  readonly transactions: readonly Transaction[]
}

export type Entry = Claim | Commit

const count = z.number().int().nonnegative()
const reignSchema = z.tuple([count, count])
const envelope = {
  version: z.literal(recordVersion),
  reign: reignSchema,
  incarnation: z.string().min(1),
  at: z.number(),
  digest: z.string().length(32),
}
const claimSchema = z.object({
  type: z.literal('claim'),
  ...envelope,
  node: z.string(),
  url: z.string(),
  through: count,
})
const commitSchema = z.object({
  type: z.literal('commit'),
  ...envelope,
  transactions: z.array(z.custom<Transaction>(isTransaction)),
})

function isTransaction(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { request, key, fingerprint, changes, open, end, forgetBefore } = value as Record<string, unknown>
  return (
    (request === undefined || (Array.isArray(request) && request.length === 3 && typeof request[0] === 'string')) &&
    (changes === undefined || (Array.isArray(changes) && changes.every(isChange))) &&
    [key, fingerprint, open, end].every((field) => field === undefined || typeof field === 'string') &&
    (forgetBefore === undefined || typeof forgetBefore === 'number')
  )
}

function isChange(value: unknown): boolean {
  if (!Array.isArray(value) || typeof value[0] !== 'string' || typeof value[1] !== 'string') return false
  return value.length === 2 || value.length === 3
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Encodes a claim. */
export function encodeClaim(claim: Claim): Uint8Array {
  return encoder.encode(JSON.stringify(claim))
}

/** Encodes a commit whose transactions are JSON texts already: each was encoded once, when it ran. */
export function encodeCommit(commit: Omit<Commit, 'transactions'>, transactions: readonly string[]): Uint8Array {
  const head = JSON.stringify({ ...commit, transactions: undefined })
  return encoder.encode(`${head.slice(0, -1)},"transactions":[${transactions.join(',')}]}`)
}

/**
 * Decodes the record at `offset`.
 * @throws CheckpointError JOURNAL_UNREADABLE, which names the offset, for anything that is not a record of a known type and version.
 */
export function decodeEntry(value: Uint8Array, offset: number): Entry {
  let data: unknown
  try {
    data = JSON.parse(decoder.decode(value))
  } catch (cause) {
    throw unreadable(offset, 'is not JSON text in UTF-8', cause)
  }
  const type = typeof data === 'object' && data !== null ? (data as { type?: unknown }).type : undefined
  const version = typeof data === 'object' && data !== null ? (data as { version?: unknown }).version : undefined
  if (type !== 'claim' && type !== 'commit') throw unreadable(offset, `has the unknown type ${JSON.stringify(type)}`)
  if (version !== recordVersion) {
    throw unreadable(offset, `has version ${JSON.stringify(version)}, and this program reads version ${recordVersion}`)
  }
  const parsed = type === 'claim' ? claimSchema.safeParse(data) : commitSchema.safeParse(data)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw unreadable(offset, `is not a sound ${type}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`)
  }
  return parsed.data as Entry
}

function unreadable(offset: number, what: string, cause?: unknown): CheckpointError {
  return new CheckpointError(
    'JOURNAL_UNREADABLE',
    `the journal record at offset ${offset} ${what}; stopped there: upgrade this program, or find out who else writes to the topic`,
    cause,
  )
}
