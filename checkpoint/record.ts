/**
 * The records of a journal, version 2, and their encoding. A reader that meets a type or version it does not know must stop: skipping it
 * would let replicas diverge in silence.
 *
 *     record      := version u8 | type u8 (1 claim, 2 commit) | headBytes u32 | head (JSON text)
 *                    and of a commit: transactionCount u32 | transaction*
 *     transaction := marksBytes u32 | responseBytes u32 | changeCount u32 | marks (JSON text) | response (JSON text) | change*
 *     change      := mapBytes u32 | map | entry (see `arena.ts`; deleted if its valueBytes is 0xffffffff)
 *
 * All numbers are little-endian, all texts UTF-8; responseBytes 0xffffffff means that there is none. Values are neither parsed nor
 * copied to be read: a standby copies an entry from the record into its memory as it stands.
 */
import { z } from 'zod'
import { CheckpointError } from './errors.ts'
import { none } from './transaction-encoder.ts'

/** Version written by this code, and the only one it reads. */
export const recordVersion = 2

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** The number of a reign: `[epoch, attempt]`, compared left to right. The receiver gives epochs, the writer counts attempts. */
export type Reign = readonly [epoch: number, attempt: number]

/** Negative, zero or positive as `left` is lower than, equal to or higher than `right`. */
export function compareReigns(left: Reign, right: Reign): number {
  return left[0] - right[0] || left[1] - right[1]
}

/** What a transaction says to exactly-once. Every field is optional: what it does not have it does not do. */
export interface Marks {
  /** Recorded under this session and number; and every number below `lowestWaiting` is forgotten. */
  readonly request?: readonly [session: string, number: number, lowestWaiting: number]
  /** Recorded under this client key too. */
  readonly key?: string
  /** Hash of what the client asked under `key`: the same key with another request is a mistake. */
  readonly fingerprint?: string
  /** Opens this session. */
  readonly open?: string
  /** Ends this session and forgets what it recorded. */
  readonly end?: string
  /** Forgets client keys recorded before this journal time, milliseconds. */
  readonly forgetBefore?: number
}

/** The changes of one transaction, as they stand in a record. */
export interface Changes {
  readonly bytes: Uint8Array
  /** Where the first one begins. */
  readonly start: number
  readonly count: number
}

/** One transaction as journaled. */
export interface Transaction {
  readonly marks: Marks | null
  /** The recorded response, a JSON text. */
  readonly response: string | null
  readonly changes: Changes
}

/** Begins a reign and fences every earlier one. */
export interface Claim {
  readonly type: 'claim'
  readonly version: number
  readonly reign: Reign
  readonly incarnation: string
  /** Name of the node, for people. */
  readonly node: string
  /** Where balancers reach it. */
  readonly url: string
  /** Journal time, milliseconds. */
  readonly at: number
  /** The next offset its author had to read: `digest` is of the valid history before it. */
  readonly through: number
  /** What was the digest of the valid history there. */
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

/**
 * A transaction in its encoded form: the bytes of `block` from `start` to `end`.
 *
 * What is kept of each transaction until it is durable is an object of a class, here and in what refers to this, and no object literal.
 * V8 notes where literals come from ("allocation sites"), and if most of one place outlive a collection it makes those in the old
 * generation from then on, for good (`--trace-pretenuring-statistics` tells). With thousands under way these do, by a few milliseconds: each
 * then cost a full collection's work, and a flood a third of its pace.
 */
export class Encoded {
  readonly block: Buffer
  readonly start: number
  readonly end: number

  constructor(block: Buffer, start: number, end: number) {
    this.block = block
    this.start = start
    this.end = end
  }
}

const types = { claim: 1, commit: 2 } as const
const count = z.number().int().nonnegative()
const head = {
  reign: z.tuple([count, count]),
  incarnation: z.string().min(1),
  at: z.number(),
  digest: z.string().length(32),
}
const claimHead = z.object({ ...head, node: z.string(), url: z.string(), through: count })

/** Encodes a claim. */
export function encodeClaim({ type, version, ...rest }: Claim): Uint8Array {
  return encodeHead(types[type], rest, 0)
}

/** Encodes a commit of transactions that were encoded when they ran. */
export function encodeCommit(commit: Omit<Commit, 'transactions'>, transactions: readonly Encoded[]): Uint8Array {
  const { reign, incarnation, at, digest } = commit
  let bytes = 4
  for (const { start, end } of transactions) bytes += end - start
  const value = encodeHead(types.commit, { reign, incarnation, at, digest }, bytes)
  let position = value.length - bytes
  position = value.writeUInt32LE(transactions.length, position)
  for (let index = 0; index < transactions.length; ) {
    const { block, start } = transactions[index]!
    let { end } = transactions[index++]!
    // Transactions of one group mostly stand one behind the other: one copy for all of them.
    for (let next = transactions[index]; next?.block === block && next.start === end; next = transactions[++index])
      end = next.end
    position += block.copy(value, position, start, end)
  }
  return value
}

function encodeHead(type: number, fields: object, more: number): Buffer {
  const text = JSON.stringify(fields)
  const headBytes = Buffer.byteLength(text)
  const value = Buffer.allocUnsafe(6 + headBytes + more)
  value[0] = recordVersion
  value[1] = type
  value.writeUInt32LE(headBytes, 2)
  value.write(text, 6)
  return value
}

/**
 * Decodes the record at `offset`.
 * @throws CheckpointError JOURNAL_UNREADABLE, which names the offset, for anything that is not a record of a known type and version.
 */
export function decodeEntry(value: Uint8Array, offset: number): Entry {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const version = bytes[0] === 0x7b ? 1 : bytes[0] // version 1 was JSON text
  if (version !== recordVersion) {
    throw unreadable(offset, `has version ${version ?? 'none'}, and this program reads version ${recordVersion}`)
  }
  const type = bytes[1]
  if (type !== types.claim && type !== types.commit) throw unreadable(offset, `has the unknown type ${type}`)
  const cursor = new Cursor(bytes, 2, offset)
  const fields = cursor.json(cursor.u32(), 'head')
  if (type === types.claim) {
    const parsed = claimHead.safeParse(fields)
    if (!parsed.success || cursor.at !== bytes.length) throw unreadable(offset, 'is not a sound claim')
    return { type: 'claim', version, ...parsed.data }
  }
  if (!isCommitHead(fields)) throw unreadable(offset, 'is not a sound commit: its head')
  const transactions: Transaction[] = []
  for (let left = cursor.u32(); left > 0; left--) transactions.push(cursor.transaction())
  if (cursor.at !== bytes.length) throw unreadable(offset, 'is not a sound commit: it has more bytes than it says')
  const { reign, incarnation, at, digest } = fields
  return { type: 'commit', version, reign, incarnation, at, digest, transactions }
}

/** Calls `visit` with each change: its map, and where in `changes.bytes` its entry stands. Allocates nothing but the name of a map. */
export function forEachChange(
  changes: Changes,
  visit: (map: string, bytes: Uint8Array, entryAt: number, deleted: boolean) => void,
): void {
  const bytes = changes.bytes as Buffer
  let at = changes.start
  let map = ''
  let mapAt = -1
  let mapBytes = -1
  for (let left = changes.count; left > 0; left--) {
    const nameBytes = bytes.readUInt32LE(at)
    at += 4
    if (nameBytes !== mapBytes || bytes.compare(bytes, mapAt, mapAt + mapBytes, at, at + nameBytes) !== 0)
      map = bytes.toString('utf8', at, at + nameBytes)
    mapAt = at
    mapBytes = nameBytes
    at += nameBytes
    const valueBytes = bytes.readUInt32LE(at + 4)
    const deleted = valueBytes === none
    visit(map, bytes, at, deleted)
    at += 8 + bytes.readUInt32LE(at) + (deleted ? 0 : valueBytes)
  }
}

/** A record in plain JSON, for people: a change is `[map, key, value]`, or `[map, key]` if it deletes. */
export function describeEntry(entry: Entry): Readonly<Record<string, Json>> {
  if (entry.type === 'claim') return { ...entry }
  return { ...entry, transactions: entry.transactions.map(describeTransaction) }
}

function describeTransaction({ marks, response, changes }: Transaction): Json {
  const described: Json[] = []
  forEachChange(changes, (map, bytes, at, deleted) => {
    const buffer = bytes as Buffer
    const keyEnd = at + 8 + buffer.readUInt32LE(at)
    const key = buffer.toString('utf8', at + 8, keyEnd)
    if (deleted) described.push([map, key])
    else described.push([map, key, JSON.parse(buffer.toString('utf8', keyEnd, keyEnd + buffer.readUInt32LE(at + 4)))])
  })
  return {
    ...(marks as { readonly [key: string]: Json } | null),
    ...(changes.count === 0 ? {} : { changes: described }),
    ...(response === null ? {} : { response: JSON.parse(response) as Json }),
  }
}

/** Reads a record from front to back, and never beyond its end. */
class Cursor {
  at: number
  readonly #bytes: Buffer
  readonly #offset: number

  constructor(bytes: Buffer, at: number, offset: number) {
    this.#bytes = bytes
    this.at = at
    this.#offset = offset
  }

  u32(): number {
    const at = this.skip(4)
    return this.#bytes.readUInt32LE(at)
  }

  /** Where the skipped bytes begin. */
  skip(bytes: number): number {
    const { at } = this
    if (at + bytes > this.#bytes.length) throw unreadable(this.#offset, 'ends in the middle')
    this.at = at + bytes
    return at
  }

  text(bytes: number): string {
    const at = this.skip(bytes)
    return this.#bytes.toString('utf8', at, at + bytes)
  }

  json(bytes: number, what: string): unknown {
    try {
      return JSON.parse(this.text(bytes))
    } catch (cause) {
      if (cause instanceof CheckpointError) throw cause
      throw unreadable(this.#offset, `has a ${what} that is not JSON text`, cause)
    }
  }

  transaction(): Transaction {
    const marksBytes = this.u32()
    const responseBytes = this.u32()
    const changeCount = this.u32()
    const marks = marksBytes === 0 ? null : this.json(marksBytes, 'transaction')
    if (marks !== null && !areMarks(marks)) throw unreadable(this.#offset, 'has an unsound transaction')
    const response = responseBytes === none ? null : this.text(responseBytes)
    const start = this.at
    for (let left = changeCount; left > 0; left--) {
      this.skip(this.u32())
      const keyBytes = this.u32()
      const valueBytes = this.u32()
      this.skip(keyBytes + (valueBytes === none ? 0 : valueBytes))
    }
    return { marks, response, changes: { bytes: this.#bytes, start, count: changeCount } }
  }
}

/** Written by hand: zod takes longer for this than all the rest of a small commit. */
function isCommitHead(value: unknown): value is Pick<Commit, 'reign' | 'incarnation' | 'at' | 'digest'> {
  if (typeof value !== 'object' || value === null) return false
  const { reign, incarnation, at, digest } = value as Record<string, unknown>
  if (!Array.isArray(reign) || reign.length !== 2 || !isCount(reign[0]) || !isCount(reign[1])) return false
  if (typeof incarnation !== 'string' || incarnation === '' || typeof at !== 'number') return false
  return typeof digest === 'string' && digest.length === 32
}

/** True if readers of a journal take it for the marks of a transaction. */
export function areMarks(value: unknown): value is Marks {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { request, key, fingerprint, open, end, forgetBefore } = value as Record<string, unknown>
  if (request !== undefined) {
    if (!Array.isArray(request) || request.length !== 3) return false
    if (typeof request[0] !== 'string' || !isCount(request[1]) || !isCount(request[2])) return false
  }
  for (const field of [key, fingerprint, open, end]) if (field !== undefined && typeof field !== 'string') return false
  return forgetBefore === undefined || typeof forgetBefore === 'number'
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function unreadable(offset: number, what: string, cause?: unknown): CheckpointError {
  return new CheckpointError(
    'JOURNAL_UNREADABLE',
    `the journal record at offset ${offset} ${what}; stopped there: upgrade this program, or find out who else writes to the topic`,
    cause,
  )
}
