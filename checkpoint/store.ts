/**
 * The state of one shard: named maps, and what exactly-once remembers. Pure and synchronous.
 *
 * A writer runs ahead of its journal: a transaction changes the maps when it runs, its record is durable later. Each therefore
 * leaves an undo log, and a writer that is fenced takes its speculation back instead of reading the journal again.
 */
import { CheckpointError } from './errors.ts'
import type { Change, Json, Transaction } from './record.ts'
import { Remembered, type RememberedLimits } from './remembered.ts'

/** One step back: the map, the key, and the value before, or undefined if there was none. */
type UndoStep = readonly [map: Map<string, Json>, key: string, before: Json | undefined]
/** What takes a transaction back. Undo logs must be applied in reverse order of their transactions. */
export interface Undo {
  readonly steps: readonly UndoStep[]
  readonly transaction: Transaction | null
}

/** The changes of a transaction that is still running. */
interface Draft {
  readonly texts: string[]
  readonly steps: UndoStep[]
}

/** What a finished transaction leaves: its result, and how to take its changes back. */
export interface Drafted<R> {
  readonly result: R
  readonly steps: readonly UndoStep[]
}

export class Store {
  readonly remembered: Remembered
  readonly #maps = new Map<string, Map<string, Json>>()
  #draft: Draft | null = null
  #readable = false

  constructor(limits: RememberedLimits) {
    this.remembered = new Remembered(limits)
  }

  /**
   * Runs `work` as one transaction: it sees all before it, and a throw takes everything back, also one of `inspect`, which is
   * shown the result and the JSON texts of the changes.
   * @throws whatever `work` throws, and CheckpointError OUTSIDE_TRANSACTION for a promise: changes after an `await` would be lost.
   */
  run<R>(work: () => R, inspect: (result: R, changeTexts: readonly string[]) => void): Drafted<R> {
    if (this.#draft)
      throw new CheckpointError('OUTSIDE_TRANSACTION', 'a transaction was started inside another; join them into one')
    const draft: Draft = { texts: [], steps: [] }
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
      inspect(result, draft.texts)
      return { result, steps: draft.steps }
    } catch (error) {
      this.#takeBack(draft.steps)
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

  get(map: string, key: string): Json | undefined {
    this.mustBeReadable()
    return this.#maps.get(map)?.get(key)
  }

  entriesOf(map: string): ReadonlyMap<string, Json> {
    this.mustBeReadable()
    return this.#mapOf(map)
  }

  /** Sets a value to what JSON makes of it, frozen: what is read later is exactly what a replica reads. */
  set(map: string, key: string, value: unknown): void {
    const draft = this.#mustBeDrafting()
    const [stored, text] = canonical(value, map, key)
    draft.texts.push(`[${JSON.stringify(map)},${JSON.stringify(key)},${text}]`)
    this.#write(draft.steps, map, key, stored)
  }

  /** Deletes a key; true if it was there. */
  delete(map: string, key: string): boolean {
    const draft = this.#mustBeDrafting()
    if (!this.#maps.get(map)?.has(key)) return false
    draft.texts.push(`[${JSON.stringify(map)},${JSON.stringify(key)}]`)
    this.#write(draft.steps, map, key, undefined)
    return true
  }

  /** Records ahead of the journal what exactly-once must find at once, and makes the undo log of the whole transaction. */
  speculate(steps: readonly UndoStep[], transaction: Transaction | null, responseText: string): Undo {
    if (transaction) this.remembered.record(transaction, responseText)
    return { steps, transaction }
  }

  /** Takes a speculative transaction back. */
  undo(undo: Undo): void {
    if (undo.transaction) this.remembered.unrecord(undo.transaction)
    this.#takeBack(undo.steps)
  }

  /** Applies a transaction of another writer: what a standby does with a valid record. */
  apply(transaction: Transaction, at: number): void {
    for (const change of transaction.changes ?? []) this.#applyChange(change)
    this.remembered.record(transaction, JSON.stringify(transaction.response ?? null))
    this.settle(transaction, at)
  }

  /** The part of a transaction that waits until it is durable: forgetting. The same on the writer and on every standby. */
  settle(transaction: Transaction, at: number): void {
    this.remembered.settle(transaction, at)
  }

  /** A plain copy of everything, for comparing replicas. */
  snapshot(): unknown {
    const maps = [...this.#maps].filter(([, map]) => map.size > 0).sort(byKey)
    return { maps: maps.map(([name, map]) => [name, [...map].sort(byKey)]), remembered: this.remembered.snapshot() }
  }

  #applyChange(change: Change): void {
    const map = this.#mapOf(change[0])
    if (change.length === 2) map.delete(change[1])
    else map.set(change[1], freeze(change[2]))
  }

  #write(steps: UndoStep[], name: string, key: string, value: Json | undefined): void {
    const map = this.#mapOf(name)
    steps.push([map, key, map.get(key)])
    if (value === undefined) map.delete(key)
    else map.set(key, value)
  }

  #takeBack(steps: readonly UndoStep[]): void {
    for (let index = steps.length - 1; index >= 0; index--) {
      const [map, key, before] = steps[index]!
      if (before === undefined) map.delete(key)
      else map.set(key, before)
    }
  }

  #mapOf(name: string): Map<string, Json> {
    let map = this.#maps.get(name)
    if (!map) {
      map = new Map()
      this.#maps.set(name, map)
    }
    return map
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

/** The form of a value that is stored and journaled: what JSON makes of it, frozen, and its text. */
export function canonical(value: unknown, map: string, key: string): [Json, string] {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return [value, JSON.stringify(value)]
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
  const stored = JSON.parse(text) as Json
  if (text.length > 2 * nestingMax) mustBeShallow(stored, `the value for ${map}[${key}]`)
  return [freeze(stored), text]
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

function freeze(value: Json): Json {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) freeze(inner as Json)
  return Object.freeze(value) as Json
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : left > right ? 1 : 0
}
