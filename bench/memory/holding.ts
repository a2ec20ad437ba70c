/** What a process holds while its memory is measured, and what it says. */
export interface Holding {
  /** Keys of a map, about 100 bytes each with their values. */
  readonly keys: number
  /** Sessions of balancers … */
  readonly sessions: number
  /** … each with so many answers of about 100 bytes that it still waits for. */
  readonly answersEach: number
  /** Clients' `Idempotency-Key`s, each with an answer of about 100 bytes. */
  readonly clientKeys: number
}

/** Bytes, after garbage collection. */
export interface Held {
  readonly rss: number
  readonly heapUsed: number
  /** Outside of the heap: the arena of the entries, for most of it. */
  readonly external: number
  /** Keys, values and answers alone. */
  readonly dataBytes: number
  /** Of `rss` on huge pages. */
  readonly hugeBytes: number
}
