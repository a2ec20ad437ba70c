/**
 * Copies a state into chunks while it changes: a fuzzy copy. Pure: who calls decides when a slice is to end.
 *
 * Each key is copied once, as it is when its turn comes. That is right because a change is physical (this key has this value) and the
 * journal holds all changes from before the copy began: replayed from there over the copy, every key that was touched meanwhile ends with
 * what the last record says, and every other is as it was. What exactly-once remembers is copied under the same rule (`remembered.ts`).
 * The result is the state at the copy's *end* or later: an earlier one it never was, so nobody may use it before that offset is read.
 */
import type { PackedMap } from './packed-map.ts'
import { ChunkWriter } from './snapshot-chunk.ts'

/** What is copied. */
export interface CopySource {
  readonly maps: readonly { readonly name: string; readonly packed: PackedMap }[]
  /** The JSON texts of what exactly-once remembers; asked for one by one, a slice at a time. */
  readonly remembered: Iterator<string, void>
}

/** About 100 microseconds of copying. */
const itemsPerLookUsual = 256

export class SnapshotCopy {
  readonly #source: CopySource
  readonly #itemsPerLook: number
  #map = 0
  #partition = 0
  /** The keys of a partition that one slice could not finish: their entries may move before the next, so addresses will not do. */
  #keysLeft: string[] = []
  #chunk: ChunkWriter | null = null
  #remembered: string | null = null
  #sinceLook = 0
  #done = false
  #keys = 0
  #bytes = 0

  /** `itemsPerLook`: how many items are copied between two looks at the time; fewer make finer slices, for tests. */
  constructor(source: CopySource, itemsPerLook = itemsPerLookUsual) {
    this.#source = source
    this.#itemsPerLook = itemsPerLook
  }

  /** True when everything was copied and the last chunk returned. */
  get done(): boolean {
    return this.#done
  }

  /** Keys copied so far. */
  get keys(): number {
    return this.#keys
  }

  /** Bytes of entries copied so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** Copies on while `mayGoOn` says so. Returns a chunk as soon as one is full, or the last; null if the slice ended before. */
  slice(mayGoOn: () => boolean): Buffer | null {
    const { maps } = this.#source
    while (mayGoOn()) {
      const map = maps[this.#map]
      if (!map) return this.#sliceRemembered(mayGoOn)
      if (this.#partition === map.packed.partitions && this.#keysLeft.length === 0) {
        this.#map++
        this.#partition = 0
        const chunk = this.#finishChunk()
        if (chunk) return chunk
      } else {
        const chunk = this.#keysLeft.length > 0 ? this.#copyKeys(map, mayGoOn) : this.#copyPartition(map, mayGoOn)
        if (chunk) return chunk
      }
    }
    return null
  }

  #copyPartition(map: CopySource['maps'][number], mayGoOn: () => boolean): Buffer | null {
    const addresses: number[] = []
    map.packed.forEachIn(this.#partition++, (address) => addresses.push(address))
    for (let index = 0; index < addresses.length; index++) {
      const chunk = this.#copyEntry(map, addresses[index]!)
      if (!chunk && !this.#mustLook(mayGoOn)) continue
      for (let rest = index + 1; rest < addresses.length; rest++)
        this.#keysLeft.push(map.packed.keyAt(addresses[rest]!))
      return chunk
    }
    return null
  }

  #copyKeys(map: CopySource['maps'][number], mayGoOn: () => boolean): Buffer | null {
    while (this.#keysLeft.length > 0) {
      const address = map.packed.find(this.#keysLeft.pop()!)
      const chunk = address === 0 ? null : this.#copyEntry(map, address) // 0: deleted meanwhile, as the journal says
      if (chunk || this.#mustLook(mayGoOn)) return chunk
    }
    return null
  }

  /** Copies one entry; returns the chunk before it, if it did not fit there. */
  #copyEntry({ name, packed }: CopySource['maps'][number], address: number): Buffer | null {
    const bytes = packed.entryBytes(address)
    const full = this.#chunk?.hasRoomFor(bytes) === false ? this.#finishChunk() : null
    this.#chunk ??= new ChunkWriter('entries', name)
    this.#chunk.addEntry(packed, address, bytes)
    this.#keys++
    this.#bytes += bytes
    return full
  }

  #sliceRemembered(mayGoOn: () => boolean): Buffer | null {
    for (;;) {
      if (this.#remembered === null) {
        const { done, value } = this.#source.remembered.next()
        if (done) {
          this.#done = true
          return this.#finishChunk()
        }
        this.#remembered = value
      }
      const bytes = 4 + 3 * this.#remembered.length // in UTF-8 at most
      if (this.#chunk?.hasRoomFor(bytes) === false) return this.#finishChunk()
      this.#chunk ??= new ChunkWriter('remembered')
      this.#chunk.addText(this.#remembered)
      this.#remembered = null
      if (this.#mustLook(mayGoOn)) return null
    }
  }

  #finishChunk(): Buffer | null {
    const chunk = this.#chunk?.finish() ?? null
    this.#chunk = null
    return chunk
  }

  /** True if the slice is over. */
  #mustLook(mayGoOn: () => boolean): boolean {
    if (++this.#sinceLook < this.#itemsPerLook) return false
    this.#sinceLook = 0
    return !mayGoOn()
  }
}
