import type { Store } from './store.ts'

/**
 * A named map of the replicated state, string keys to JSON values. Values are what JSON makes of them, frozen: a Date comes back as its
 * text, `undefined` inside an object is dropped, NaN is null. To change a value, set a new one.
 * Only usable inside `transact`, `route`, `read` or `stale`; CheckpointError OUTSIDE_TRANSACTION otherwise.
 */
export class CheckpointMap<V> {
  readonly name: string
  readonly #store: Store

  constructor(name: string, store: Store) {
    this.name = name
    this.#store = store
  }

  /** The value, or undefined. */
  get(key: string): V | undefined {
    return this.#store.get(this.name, key) as V | undefined
  }

  has(key: string): boolean {
    return this.#store.get(this.name, key) !== undefined
  }

  /** @throws CheckpointError NOT_SERIALISABLE for what JSON cannot hold. */
  set(key: string, value: V): void {
    this.#store.set(this.name, key, value)
  }

  /** True if the key was there. */
  delete(key: string): boolean {
    return this.#store.delete(this.name, key)
  }

  get size(): number {
    return this.#store.entriesOf(this.name).size
  }

  /** In the order in which keys were first set here; a successor's order may differ. Ends with the transaction or read that it was got in. */
  *keys(): Generator<string> {
    for (const [key] of this.entries()) yield key
  }

  /** As `keys`. */
  *entries(): Generator<[string, V]> {
    for (const entry of this.#store.entriesOf(this.name)) {
      this.#store.mustBeReadable() // one that escapes would show what is not durable yet
      yield entry as [string, V]
    }
  }
}
