/**
 * The state of one shard: named maps, and what exactly-once remembers. Pure and synchronous.
 *
 * Values are kept as JSON text outside the JavaScript heap (`packed-map.ts`): no collector walks them, and a process with millions dies
 * as fast as one with none. Each `get` decodes.
 *
 * A writer runs ahead of its journal: a transaction changes the maps when it runs, its record is durable later. What it displaces stays
 * where it is until then, so a writer that is fenced takes its speculation back by pointing at it again.
 */
import { Arena } from './arena.ts'
import { CheckpointError } from './errors.ts'
import type { Seed } from './packed-key.ts'
import { PackedMap } from './packed-map.ts'
import { type Encoded, forEachChange, type Json, type Marks, type Transaction } from './record.ts'
import { Remembered, type RememberedLimits } from './remembered.ts'
import { type NamedMap, Step, TransactionEncoder } from './transaction-encoder.ts'

export interface StoreLimits extends RememberedLimits {
  /** Most bytes of one transaction as journaled. */
  readonly transactionBytesMax: number
  /** Most named maps; beyond it STATE_FULL. */
  readonly mapsMax: number
}

/** Of one change as journaled, beside map, key and value: the length of each. */
const changeHeadBytes = 12

/** What takes a transaction back. Must be applied in reverse order of the transactions. */
export class Undo {
  readonly steps: readonly Step[]
  readonly marks: Marks | null

  constructor(steps: readonly Step[], marks: Marks | null) {
    this.steps = steps
    this.marks = marks
  }
}

/** The changes of a transaction that is still running. */
interface Draft {
  steps: Step[]
  bytes: number
}

/** What a finished transaction leaves: its result, and how to take its changes back. */
export interface Drafted<R> {
  readonly result: R
  readonly steps: readonly Step[]
}

export class Store {
  readonly remembered: Remembered
  readonly #limits: StoreLimits
  readonly #encoder = new TransactionEncoder()
  readonly #seed: Seed
  #arena: Arena
  #maps = new Map<string, NamedMap>()
  #draft: Draft | null = null
  #readable = false

  /** `seed`: what keys are hashed with; random where strangers choose keys. */
  constructor(limits: StoreLimits, seed: Seed = [0, 0]) {
    this.#limits = limits
    this.#seed = seed
    this.#arena = new Arena({ seed })
    this.remembered = new Remembered(limits)
  }

  /**
   * Runs `work` as one transaction: it sees all before it, and a throw takes everything back, also one of `inspect`, which is
   * shown the result and the changes.
   * @throws whatever `work` throws, and CheckpointError OUTSIDE_TRANSACTION for a promise: changes after an `await` would be lost.
   */
  run<R>(work: () => R, inspect: (result: R, steps: readonly Step[]) => void): Drafted<R> {
    if (this.#draft)
      throw new CheckpointError('OUTSIDE_TRANSACTION', 'a transaction was started inside another; join them into one')
    const draft: Draft = { steps: noSteps, bytes: 0 }
    this.#draft = draft
    try {
      const result = work()
      if (result instanceof Promise) {
        result.catch(() => undefined) // its failure is the one reported below
        throw new CheckpointError(
          'OUTSIDE_TRANSACTION',
          'a transaction must be synchronous: do what needs await before or after it',
        )
      }
      const changes = draft.steps.length
      inspect(result, draft.steps)
      if (draft.steps.length !== changes)
        throw new CheckpointError('OUTSIDE_TRANSACTION', 'a map was changed while the answer was encoded; do it before')
      return { result, steps: draft.steps }
    } catch (error) {
      takeBack(draft.steps)
      throw error
    } finally {
      this.#draft = null
    }
  }

  /** Runs `work` with the maps readable, and no change possible. */
  view<R>(work: () => R): R {
    const before = this.#readable
    this.#readable = true
    try {
      return work()
    } finally {
      this.#readable = before
    }
  }

  /** The value, decoded anew and frozen: a change to it would change nothing here. */
  get(map: string, key: string): Json | undefined {
    this.mustBeReadable()
    const packed = this.#maps.get(map)?.packed
    const address = packed?.find(key) ?? 0
    return address === 0 ? undefined : decode(packed!.textAt(address))
  }

  has(map: string, key: string): boolean {
    this.mustBeReadable()
    return (this.#maps.get(map)?.packed.find(key) ?? 0) !== 0
  }

  sizeOf(map: string): number {
    this.mustBeReadable()
    return this.#maps.get(map)?.packed.size ?? 0
  }

  /** The keys of a map, in no order. What is set or deleted meanwhile may or may not be among them. */
  *keysOf(map: string): Generator<string> {
    const packed = this.#maps.get(map)?.packed
    if (!packed) return this.mustBeReadable()
    for (let partition = 0; partition < packed.partitions; partition++) {
      const keys: string[] = [] // not addresses: whoever goes on in a later transaction would find other entries there
      packed.forEachIn(partition, (address) => keys.push(packed.keyAt(address)))
      for (const key of keys) {
        this.mustBeReadable() // a generator that escapes would show what is not durable yet
        if (packed.find(key) !== 0) yield key
      }
    }
  }

  /** Sets a value to what JSON makes of it: what is read later is exactly what a replica reads. */
  set(map: string, key: string, value: unknown): void {
    const draft = this.#mustBeDrafting()
    if (typeof map !== 'string') throw noText(map, mapName)
    if (typeof key !== 'string') throw noText(key, 'a key')
    const text = jsonText(value, map, key)
    this.#count(draft, map, key, text.length)
    mustBeShallowText(text, `the value for ${map}[${key}]`)
    const named = this.#maps.get(map) ?? this.#startMap(map)
    const before = named.packed.put(key, text)
    note(draft, new Step(named, key, before, named.packed.written))
  }

  /** Deletes a key; true if it was there. */
  delete(map: string, key: string): boolean {
    const draft = this.#mustBeDrafting()
    const named = this.#maps.get(map)
    const before = named?.packed.remove(key) ?? 0
    if (before === 0) return false
    note(draft, new Step(named!, key, before, 0))
    this.#count(draft, map, key, 0)
    return true
  }

  /** Encodes a transaction for the journal. */
  encode(marks: Marks | null, response: string | null, steps: readonly Step[]): Encoded {
    return this.#encoder.encode(marks, response, steps)
  }

  /** Forgets the transaction that was encoded last: it was refused. */
  forgetEncoded(encoded: Encoded): void {
    this.#encoder.takeBack(encoded)
  }

  /** Records ahead of the journal what exactly-once must find at once, and makes the undo of the whole transaction. */
  speculate(steps: readonly Step[], marks: Marks | null, responseText: string): Undo {
    if (marks) this.remembered.record(marks, responseText)
    return new Undo(steps, marks)
  }

  /** Takes a speculative transaction back. */
  undo(undo: Undo): void {
    if (undo.marks) this.remembered.unrecord(undo.marks)
    takeBack(undo.steps)
  }

  /** A speculative transaction is durable: what it displaced is given up. */
  settle({ steps, marks }: Undo, at: number): void {
    for (const { map, before } of steps) if (before !== 0) map.packed.release(before)
    if (marks) this.remembered.settle(marks, at) // forgetting waits until now, as on every standby
  }

  /** Applies a transaction of another writer: what a standby does with a valid record. */
  apply({ marks, response, changes }: Transaction, at: number): void {
    forEachChange(changes, this.#applyChange)
    if (!marks) return
    this.remembered.record(marks, response ?? 'null')
    this.remembered.settle(marks, at)
  }

  /** A plain copy of everything, for comparing replicas. */
  snapshot(): unknown {
    const maps = [...this.#maps.values()].filter(({ packed }) => packed.size > 0)
    const plain = maps.map(({ name }) => [name, this.view(() => this.#entries(name))] as const)
    return { maps: plain.sort(byKey), remembered: this.remembered.snapshot() }
  }

  /** The names of the maps that were ever written to. */
  mapNames(): string[] {
    return [...this.#maps.keys()]
  }

  /** A map as it is kept; made if it is missing. */
  packed(name: string): PackedMap {
    return this.#mapOf(name).packed
  }

  /** Memory that the entries of all maps take, in bytes. */
  get bytesUsed(): number {
    return this.#arena.bytesUsed
  }

  /** Forgets everything, as if nothing had been read. Nothing may be speculative. */
  clear(): void {
    this.#arena = new Arena({ seed: this.#seed })
    this.#maps = new Map()
    this.remembered.clear()
  }

  #entries(map: string): [string, Json | undefined][] {
    return [...this.keysOf(map)].map((key) => [key, this.get(map, key)] as [string, Json]).sort(byKey)
  }

  readonly #applyChange = (map: string, bytes: Uint8Array, entryAt: number, deleted: boolean): void => {
    const { packed } = this.#mapOf(map)
    const before = deleted ? packed.removeEntry(bytes, entryAt) : packed.putEntry(bytes, entryAt)
    if (before !== 0) packed.release(before)
  }

  #mapOf(name: string): NamedMap {
    let map = this.#maps.get(name)
    if (!map) {
      const nameBytes = Buffer.alloc(4 + Buffer.byteLength(name))
      nameBytes.writeUInt32LE(nameBytes.length - 4)
      nameBytes.write(name, 4)
      map = { name, nameBytes, packed: new PackedMap(this.#arena) }
      this.#maps.set(name, map)
    }
    return map
  }

  /** A transaction that is too large is refused while it runs, before it eats memory; its exact size is known when it is encoded. */
  #count(draft: Draft, map: string, key: string, textLength: number): void {
    draft.bytes += changeHeadBytes + map.length + key.length + textLength
    if (draft.bytes > this.#limits.transactionBytesMax) throw tooLarge(draft.bytes, this.#limits)
  }

  #startMap(name: string): NamedMap {
    if (!name.isWellFormed()) throw noText(name, mapName)
    const { mapsMax } = this.#limits
    if (this.#maps.size < mapsMax) return this.#mapOf(name)
    throw new CheckpointError(
      'STATE_FULL',
      `there are ${mapsMax} maps already; name maps in the code, and put what varies into keys`,
    )
  }

  #mustBeDrafting(): Draft {
    if (this.#draft) return this.#draft
    throw new CheckpointError(
      'OUTSIDE_TRANSACTION',
      'a map was changed outside a transaction; do it inside checkpoint.transact or checkpoint.route',
    )
  }

  /** @throws CheckpointError OUTSIDE_TRANSACTION */
  mustBeReadable(): void {
    if (this.#draft || this.#readable) return
    throw new CheckpointError(
      'OUTSIDE_TRANSACTION',
      'a map was read outside a transaction; use checkpoint.read, or checkpoint.stale if an old value will do',
    )
  }
}

const noSteps: Step[] = []
const oneStep: Step[] = []

/** Most transactions have one step, and thousands may wait: an array that grew to it would have room for 17. */
function note(draft: Draft, step: Step): void {
  if (draft.steps === noSteps) {
    oneStep[0] = step
    draft.steps = oneStep.slice() // no literal, see `Encoded`; and `Array.of` is slow
  } else draft.steps.push(step)
}

function takeBack(steps: readonly Step[]): void {
  for (let index = steps.length - 1; index >= 0; index--) {
    const { map, key, before } = steps[index]!
    const after = map.packed.relink(key, before)
    if (after !== 0) map.packed.release(after)
  }
}

/** The error for a transaction of more bytes than are allowed. */
export function tooLarge(
  bytes: number,
  { transactionBytesMax }: Pick<StoreLimits, 'transactionBytesMax'>,
): CheckpointError {
  return new CheckpointError(
    'TOO_LARGE',
    `the transaction has ${bytes} bytes or more as journaled, and ${transactionBytesMax} are allowed; change less at once`,
  )
}

const mapName = 'the name of a map'

/** The error for what is no text, as what a client sent may be, or holds half a character: UTF-8 cannot, and two would become one. */
function noText(given: unknown, what: string): CheckpointError {
  const found = typeof given === 'string' ? `${JSON.stringify(given)}, which holds half a surrogate pair` : typeof given
  return new CheckpointError('NOT_SERIALISABLE', `${what} must be a text of whole characters; this is ${found}`)
}

/** The form of a value that is stored and journaled: the text that JSON makes of it. */
function jsonText(value: unknown, map: string, key: string): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new CheckpointError(
      'NOT_SERIALISABLE',
      `the value for ${map}[${key}] cannot be written as JSON: ${String(cause)}`,
      cause,
    )
  }
  if (text === undefined) {
    throw new CheckpointError(
      'NOT_SERIALISABLE',
      `the value for ${map}[${key}] is ${typeof value}, which JSON cannot hold; delete the key instead`,
    )
  }
  return text
}

/** A text this short cannot be nested too deeply, and most are: the check costs nothing. */
export function mustBeShallowText(text: string, what: string): void {
  if (text.length > 2 * nestingMax) mustBeShallow(JSON.parse(text) as Json, what)
}

/** Deepest nesting of a value. The call stack's own limit differs between processes: a standby could fail on what a writer took. */
export const nestingMax = 500

/** @throws CheckpointError NOT_SERIALISABLE */
export function mustBeShallow(value: Json, what: string, depth = 0): void {
  if (typeof value !== 'object' || value === null) return
  if (depth >= nestingMax) {
    throw new CheckpointError(
      'NOT_SERIALISABLE',
      `${what} is nested deeper than ${nestingMax} levels; store it flatter`,
    )
  }
  for (const inner of Object.values(value)) mustBeShallow(inner as Json, what, depth + 1)
}

function decode(text: string): Json {
  return freeze(JSON.parse(text) as Json)
}

function freeze(value: Json): Json {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) freeze(inner as Json)
  return Object.freeze(value) as Json
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : left > right ? 1 : 0
}
