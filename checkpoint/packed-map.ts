/**
 * A map from keys to JSON texts, kept packed in an arena: entries of the one format (see arena.ts), found by an index in typed arrays.
 * What a change displaces stays readable until it is released; that is what makes undo free. Pure and synchronous.
 */
import { type Arena, deletedValue, entryHeaderBytes } from './arena.ts'
import { CheckpointError } from './errors.ts'
import { PackedIndex } from './packed-index.ts'
import { keyBytesMax, type PackedKey } from './packed-key.ts'

const partitionBits = 10
/** Up to so many keys one index holds them all, in no more cells than there are partitions; many small indexes would cost more. */
const unpartitionedMax = 512

export class PackedMap {
  /** Parts of the map by the first bits of the keys' hashes: a key never changes its part. */
  readonly partitions = 2 ** partitionBits
  readonly #arena: Arena
  readonly #key: PackedKey
  readonly #hashMask: number
  /** All keys, while they are few. */
  #whole: PackedIndex | undefined = new PackedIndex(0)
  /** The index of each partition that has or had a key, once they are many. */
  #parts: (PackedIndex | undefined)[] = []
  #size = 0
  #written = 0

  /** `hashMask`: the bits of hashes that count; fewer make collisions, for tests. */
  constructor(arena: Arena, hashMask = 0xffffffff) {
    this.#arena = arena
    this.#key = arena.key
    this.#hashMask = hashMask
  }

  get size(): number {
    return this.#size
  }

  /** The address of the entry that was put last. */
  get written(): number {
    return this.#written
  }

  /** The address of the key's entry, or 0. Allocates nothing. */
  find(key: string): number {
    if (!this.#key.take(key)) return 0
    const index = this.#indexOf(this.#hash())
    if (index === undefined) return 0
    const cell = this.#cellOf(index)
    return cell < 0 ? 0 : index.cells[cell * 2 + 1]! >>> 0
  }

  /** The JSON text of the value at an address. */
  textAt(address: number): string {
    const view = this.#arena.viewOf(address)
    const offset = this.#arena.offsetOf(address)
    const start = offset + entryHeaderBytes + view.getUint32(offset, true)
    return this.#arena.segmentOf(address).toString(undefined, start, start + view.getUint32(offset + 4, true))
  }

  /** The key at an address. */
  keyAt(address: number): string {
    const offset = this.#arena.offsetOf(address)
    const start = offset + entryHeaderBytes
    const end = start + this.#arena.viewOf(address).getUint32(offset, true)
    return this.#arena.segmentOf(address).toString(undefined, start, end)
  }

  /**
   * Writes a new entry and points the key at it. Returns the address of the entry that it displaced, or 0: to be released, or linked again.
   * @throws CheckpointError NOT_SERIALISABLE for a key with a lone surrogate (UTF-8 cannot hold it: two keys would become one),
   * TOO_LARGE for one above 16 MiB, STATE_FULL.
   */
  put(key: string, text: string): number {
    if (!this.#key.take(key)) throw refusal(key)
    const keyBytes = this.#key.bytes
    const valueBytes = Buffer.byteLength(text)
    const address = this.#arena.allocate(entryHeaderBytes + keyBytes + valueBytes)
    const view = this.#arena.viewOf(address)
    const offset = this.#arena.offsetOf(address)
    view.setUint32(offset, keyBytes, true)
    view.setUint32(offset + 4, valueBytes, true)
    this.#key.writeAt(view, offset + entryHeaderBytes)
    this.#arena.segmentOf(address).write(text, offset + entryHeaderBytes + keyBytes, valueBytes)
    this.#written = address
    return this.#link(address)
  }

  /**
   * The same from the bytes of an entry in `source` at `offset`, which has a value and is sound: whoever decoded it checked that.
   * @throws CheckpointError STATE_FULL
   */
  putEntry(source: Uint8Array, offset: number): number {
    const keyBytes = u32At(source, offset)
    const bytes = entryHeaderBytes + keyBytes + u32At(source, offset + 4)
    this.#key.takeBytes(source, offset + entryHeaderBytes, keyBytes)
    const address = this.#arena.allocate(bytes)
    copyBytes(source, this.#arena.segmentOf(address), this.#arena.offsetOf(address), offset, offset + bytes)
    this.#written = address
    return this.#link(address)
  }

  /** Unlinks a key. Returns the address of its entry, to be released or linked again, or 0. */
  remove(key: string): number {
    return this.#key.take(key) ? this.#unlink() : 0
  }

  /** The same with the key of an entry in `source` at `offset`, usually one that says "deleted". */
  removeEntry(source: Uint8Array, offset: number): number {
    this.#key.takeBytes(source, offset + entryHeaderBytes, u32At(source, offset))
    return this.#unlink()
  }

  /**
   * Takes a change back: points the key at `before`, what the change displaced, or unlinks it for 0. Returns the address that this
   * displaces, which is to be released.
   */
  relink(key: string, before: number): number {
    if (before === 0) return this.remove(key)
    if (!this.#key.take(key) || !this.#isAt(before))
      throw new Error(`assertion: the entry at ${before} has another key`)
    const displaced = this.#link(before)
    return displaced === before ? 0 : displaced
  }

  /** Gives an entry's memory back. Nothing may point at it any more: what reads it later reads something else. */
  release(address: number): void {
    this.#arena.free(address)
  }

  /** Visits the entries of one partition, in no order. `visit` must not change the map. */
  forEachIn(partition: number, visit: (address: number) => void): void {
    const index = this.#whole ?? this.#parts[partition]
    if (!index) return
    const { cells, mask } = index
    if (!this.#whole) {
      for (let at = 1; at < cells.length; at += 2) if (cells[at] !== 0) visit(cells[at]! >>> 0)
      return
    }
    // No more cells than partitions, so all homes of a partition are one cell; its pairs stand there and behind, without a gap.
    for (
      let cell = index.home(partition << (32 - partitionBits));
      cells[cell * 2 + 1] !== 0;
      cell = (cell + 1) & mask
    ) {
      if (partitionOf(cells[cell * 2]!) === partition) visit(cells[cell * 2 + 1]! >>> 0)
    }
  }

  /** Length of the whole entry at an address. */
  entryBytes(address: number): number {
    const view = this.#arena.viewOf(address)
    const offset = this.#arena.offsetOf(address)
    return entryHeaderBytes + view.getUint32(offset, true) + view.getUint32(offset + 4, true)
  }

  /** Copies the entry at an address into `target` at `at`, where there is room for it. Returns its length. */
  copyEntry(address: number, target: Uint8Array, at: number): number {
    const bytes = this.entryBytes(address)
    const offset = this.#arena.offsetOf(address)
    this.#arena.segmentOf(address).copy(target, at, offset, offset + bytes)
    return bytes
  }

  /** Length of an entry that says that the key at an address was deleted. */
  deletionBytes(address: number): number {
    return entryHeaderBytes + this.#arena.viewOf(address).getUint32(this.#arena.offsetOf(address), true)
  }

  /** Writes such an entry into `target` at `at`, where there is room for it. Returns its length. */
  copyDeletion(address: number, target: Buffer, at: number): number {
    const bytes = this.deletionBytes(address)
    const offset = this.#arena.offsetOf(address)
    this.#arena.segmentOf(address).copy(target, at, offset, offset + bytes)
    target.writeUInt32LE(deletedValue, at + 4)
    return bytes
  }

  /** Points the key in hand at an entry. Returns what it pointed at before, or 0. */
  #link(address: number): number {
    const hash = this.#hash()
    const index = this.#indexOf(hash) ?? this.#startPart(hash)
    const cell = this.#cellOf(index)
    if (cell >= 0) {
      const displaced = index.cells[cell * 2 + 1]! >>> 0
      index.cells[cell * 2 + 1] = address
      return displaced
    }
    index.insert(hash, address)
    this.#size++
    if (this.#whole && this.#size > unpartitionedMax) this.#partition(this.#whole)
    return 0
  }

  #unlink(): number {
    const index = this.#indexOf(this.#hash())
    const cell = index ? this.#cellOf(index) : -1
    if (!index || cell < 0) return 0
    const displaced = index.cells[cell * 2 + 1]! >>> 0
    index.removeAt(cell)
    this.#size--
    return displaced
  }

  #hash(): number {
    return this.#key.hash & this.#hashMask
  }

  #indexOf(hash: number): PackedIndex | undefined {
    return this.#whole ?? this.#parts[partitionOf(hash)]
  }

  /** The cell of the key in hand, or -1. */
  #cellOf(index: PackedIndex): number {
    const { cells, mask } = index
    const hash = this.#hash()
    for (let cell = index.home(hash); ; cell = (cell + 1) & mask) {
      const address = cells[cell * 2 + 1]!
      if (address === 0) return -1
      if (cells[cell * 2] === hash && this.#isAt(address)) return cell
    }
  }

  #isAt(address: number): boolean {
    const view = this.#arena.viewOf(address)
    const offset = this.#arena.offsetOf(address)
    return view.getUint32(offset, true) === this.#key.bytes && this.#key.isAt(view, offset + entryHeaderBytes)
  }

  #startPart(hash: number): PackedIndex {
    const index = new PackedIndex(partitionBits)
    this.#parts[partitionOf(hash)] = index
    return index
  }

  #partition(whole: PackedIndex): void {
    this.#whole = undefined
    this.#parts = new Array<PackedIndex | undefined>(this.partitions).fill(undefined)
    for (let at = 0; at < whole.cells.length; at += 2) {
      const hash = whole.cells[at]!
      const address = whole.cells[at + 1]!
      if (address !== 0) (this.#indexOf(hash) ?? this.#startPart(hash)).insert(hash, address)
    }
  }
}

function partitionOf(hash: number): number {
  return hash >>> (32 - partitionBits)
}

function u32At(source: Uint8Array, offset: number): number {
  const low = source[offset]! | (source[offset + 1]! << 8) | (source[offset + 2]! << 16)
  return (low | (source[offset + 3]! << 24)) >>> 0
}

function copyBytes(source: Uint8Array, target: Buffer, at: number, start: number, end: number): void {
  Buffer.prototype.copy.call(source, target, at, start, end)
}

function refusal(key: string): CheckpointError {
  if (key.length > keyBytesMax / 3) {
    return new CheckpointError('TOO_LARGE', `a key may have ${keyBytesMax} bytes; this one is longer`)
  }
  return new CheckpointError(
    'NOT_SERIALISABLE',
    `the key ${JSON.stringify(key)} holds half a surrogate pair, which UTF-8 cannot; use whole characters`,
  )
}
