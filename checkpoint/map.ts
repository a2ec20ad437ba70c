import type { Store } from './store.ts'

/**
 * A named map of the replicated state, string keys to JSON values. Values are what JSON makes of them, frozen: a Date comes back as its
 * text, `undefined` inside an object is dropped, NaN is null. To change a value, set a new one.
 * Only usable inside `transact`, `route`, `read` or `stale`; CheckpointError OUTSIDE_TRANSACTION otherwise.
 */
export class CheckpointMap<V> {
  /** As given to `checkpoint.map`. */
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

  /** True if the key has a value. */
  has(key: string): boolean {
    return this.#store.has(this.name, key)
  }

  /** @throws CheckpointError NOT_SERIALISABLE for what JSON cannot hold. */
  set(key: string, value: V): void {
    this.#store.set(this.name, key, value)
  }

  /** True if the key was there. */
  delete(key: string): boolean {
    return this.#store.delete(this.name, key)
  }

  /** How many keys there are. */
  get size(): number {
    return this.#store.sizeOf(this.name)
  }

  /** In no order. What is set or deleted meanwhile may or may not be seen. Ends with the transaction or read that it was got in. */
  keys(): Generator<string> {
    return this.#store.keysOf(this.name)
  }

  /** As `keys`. */
  *entries(): Generator<[string, V]> {
    for (const key of this.keys()) yield [key, this.#store.get(this.name, key) as V]
  }
}
