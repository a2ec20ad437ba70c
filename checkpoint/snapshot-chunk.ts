/**
 * The chunks of a snapshot, and how they are filled and read. Pure.
 *
 *     chunk := kind u8 (1 entries of a map, 2 items of what exactly-once remembers) | nameBytes u32 | name of the map | count u32 | item*
 *     item  := an entry as in `arena.ts`, copied as it stands; or bytes u32 | JSON text
 *
 * All numbers are little-endian, all texts UTF-8. Whoever reads one has compared its checksum with the manifest's before.
 */
import { hash } from 'node:crypto'
import { deletedValue, entryHeaderBytes } from './arena.ts'
import type { PackedMap } from './packed-map.ts'
import { chunkBytesMax } from './snapshot-store.ts'

export const chunkKinds = { entries: 1, remembered: 2 } as const
type ChunkKind = keyof typeof chunkKinds

/** Bytes before a chunk's first item, without the name. */
const headBytes = 9

/** SHA-256 of a chunk, in base64url: 43 characters of a manifest for each. */
export function checksum(chunk: Uint8Array): string {
  return hash('sha256', chunk, 'base64url')
}

/** Fills one chunk. */
export class ChunkWriter {
  readonly kind: ChunkKind
  readonly #start: number
  #buffer: Buffer
  #used: number
  #count = 0

  constructor(kind: ChunkKind, mapName = '') {
    const nameBytes = Buffer.byteLength(mapName)
    this.kind = kind
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(chunkBytesMax, headBytes + nameBytes))
    this.#buffer[0] = chunkKinds[kind]
    this.#buffer.writeUInt32LE(nameBytes, 1)
    this.#buffer.write(mapName, 5)
    this.#start = headBytes + nameBytes
    this.#used = this.#start
  }

  get count(): number {
    return this.#count
  }

  /** True if so many more bytes fit. One item always does: it was journaled, and a record has the same limit. */
  hasRoomFor(bytes: number): boolean {
    return this.#count === 0 || this.#used + bytes <= chunkBytesMax
  }

  addEntry(map: PackedMap, address: number, bytes: number): void {
    this.#grow(bytes)
    this.#used += map.copyEntry(address, this.#buffer, this.#used)
    this.#count++
  }

  addText(text: string): void {
    const bytes = Buffer.byteLength(text)
    this.#grow(4 + bytes)
    this.#buffer.writeUInt32LE(bytes, this.#used)
    this.#buffer.write(text, this.#used + 4)
    this.#used += 4 + bytes
    this.#count++
  }

  /** The chunk. Nothing is to be added after. */
  finish(): Buffer {
    this.#buffer.writeUInt32LE(this.#count, this.#start - 4)
    return this.#buffer.subarray(0, this.#used)
  }

  #grow(bytes: number): void {
    if (this.#used + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(this.#used + bytes)
    this.#buffer.copy(larger, 0, 0, this.#used)
    this.#buffer = larger
  }
}

/** Takes what a chunk holds. */
export interface ChunkTarget {
  map(name: string): PackedMap
  remember(item: string): void
}

/** Reads one chunk into `target`, a part at each call of `next`. */
export class ChunkReader {
  readonly #chunk: Buffer
  readonly #target: ChunkTarget
  readonly #map: PackedMap | null
  #at: number
  #left: number

  /** @throws Error with a reason, if this is no chunk: its checksum was right, so whoever wrote it was wrong. */
  constructor(chunk: Uint8Array, target: ChunkTarget) {
    this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    this.#target = target
    const kind = this.#chunk[0]
    const nameBytes = this.#u32(1)
    this.#at = headBytes + nameBytes
    this.#left = this.#u32(this.#at - 4)
    if (kind !== chunkKinds.entries && kind !== chunkKinds.remembered)
      throw new Error(`it has the unknown kind ${kind}`)
    this.#map = kind === chunkKinds.entries ? target.map(this.#chunk.toString('utf8', 5, 5 + nameBytes)) : null
  }

  /** Items not read yet. */
  get left(): number {
    return this.#left
  }

  /** Reads at most `count` items. @throws Error with a reason if they are not sound. */
  next(count: number): void {
    for (let read = 0; read < count && this.#left > 0; read++, this.#left--) {
      if (this.#map) this.#entry(this.#map)
      else this.#item()
    }
    if (this.#left === 0 && this.#at !== this.#chunk.length) throw new Error('bytes are left over at its end')
  }

  #entry(map: PackedMap): void {
    const valueBytes = this.#u32(this.#at + 4)
    const end = this.#at + entryHeaderBytes + this.#u32(this.#at) + valueBytes
    if (valueBytes === deletedValue || end > this.#chunk.length)
      throw new Error(`the entry at byte ${this.#at} is not whole`)
    const before = map.putEntry(this.#chunk, this.#at)
    if (before !== 0) map.release(before)
    this.#at = end
  }

  #item(): void {
    const start = this.#at + 4
    const end = start + this.#u32(this.#at)
    if (end > this.#chunk.length) throw new Error(`the item at byte ${this.#at} is not whole`)
    this.#target.remember(this.#chunk.toString('utf8', start, end))
    this.#at = end
  }

  #u32(at: number): number {
    if (at + 4 > this.#chunk.length) throw new Error(`it ends at byte ${this.#chunk.length}, too early`)
    return this.#chunk.readUInt32LE(at)
  }
}
