/**
 * Memory for entries, outside the JavaScript heap: large buffers that no garbage collector walks, and that a killed process gives back
 * at once. A slab allocator (Bonwick, USENIX Summer 1994): spans of slots of one size, about an eighth apart, a free list in each span.
 *
 * An entry is `keyBytes u32 | valueBytes u32 | key (UTF-8) | value (JSON text, UTF-8)`, little-endian; valueBytes `deletedValue`: no value.
 */
import { addressableBytes, pageUnits, Segments, type Span, unitBytes } from './arena-segments.ts'
import { PackedKey, type Seed } from './packed-key.ts'

/** Bytes before an entry's key. */
export const entryHeaderBytes = 8
/** `valueBytes` of a key that was deleted. In the arena: of a slot that is free. */
export const deletedValue = 0xffffffff

/** Spans of slots up to 8 KiB have 64 KiB; of larger ones, 8 slots; above 64 KiB each slot is a span, of whole pages. */
const spanPages = 8
const smallUnitsMax = pageUnits
const slotsOfLarger = 8
const classedUnitsMax = 8 * pageUnits

export interface ArenaOptions {
  /** What keys are hashed with. Random in each process, so that nobody can craft keys that collide. */
  readonly seed: Seed
  /** Memory to reserve at most, in bytes. Default: what 32-bit addresses reach, 32 GiB. */
  readonly bytesMax?: number
}

export class Arena {
  /** The key that a map here is looking for: maps work one at a time and share it. */
  readonly key: PackedKey
  readonly #segments: Segments
  /** Of each size class: the first span that has room. */
  readonly #roomy: (Span | null)[] = new Array<Span | null>(128).fill(null)
  #unitsUsed = 0

  constructor({ seed, bytesMax = addressableBytes }: ArenaOptions) {
    this.key = new PackedKey(seed)
    this.#segments = new Segments(bytesMax)
  }

  /** Memory taken from the system, in bytes; pages that were never written cost nothing yet. */
  get bytesReserved(): number {
    return this.#segments.bytes
  }

  /** Memory in slots that are not free, in bytes. */
  get bytesUsed(): number {
    return this.#unitsUsed * unitBytes
  }

  /**
   * A slot of at least `bytes`, where the caller writes an entry.
   * @throws CheckpointError STATE_FULL
   */
  allocate(bytes: number): number {
    const units = Math.ceil(bytes / unitBytes)
    if (units > classedUnitsMax) return this.#allocateSpan(units)
    const sizeClass = classOf(units)
    const span = this.#roomy[sizeClass] ?? this.#startSpan(sizeClass, slotUnitsOf(units))
    let address = span.free
    if (address !== 0) {
      span.free = this.viewOf(address).getUint32(this.offsetOf(address), true)
    } else {
      address = span.fresh
      span.fresh += span.slotUnits
    }
    if (++span.live === span.slots) this.#leaveRoomy(sizeClass, span)
    this.#unitsUsed += span.slotUnits
    return address
  }

  /** Gives a slot back. A slot that is free already is a broken invariant. */
  free(address: number): void {
    const view = this.viewOf(address)
    const offset = this.offsetOf(address)
    const span = this.#segments.spanOf(address)
    if (span === null || view.getUint32(offset + 4, true) === deletedValue) {
      throw new Error(`assertion: the slot at ${address} was freed twice`)
    }
    this.#unitsUsed -= span.slotUnits
    if (span.slotUnits > classedUnitsMax) return this.#segments.endSpan(span)
    view.setUint32(offset, span.free, true)
    view.setUint32(offset + 4, deletedValue, true)
    span.free = address
    const sizeClass = classOf(span.slotUnits)
    if (span.live-- === span.slots) this.#joinRoomy(sizeClass, span)
    if (span.live > 0) return
    this.#leaveRoomy(sizeClass, span)
    this.#segments.endSpan(span)
  }

  /** The buffer an address stands in. */
  segmentOf(address: number): Buffer {
    return this.#segments.bufferOf(address)
  }

  /** The same memory as `segmentOf`. */
  viewOf(address: number): DataView {
    return this.#segments.viewOf(address)
  }

  /** Where in its segment an address stands, in bytes. */
  offsetOf(address: number): number {
    return this.#segments.offsetOf(address)
  }

  #allocateSpan(units: number): number {
    const pages = Math.ceil(units / pageUnits)
    const span = this.#segments.startSpan(pages, pages * pageUnits)
    this.#unitsUsed += span.slotUnits
    return span.address
  }

  #startSpan(sizeClass: number, slotUnits: number): Span {
    const pages = slotUnits <= smallUnitsMax ? spanPages : Math.ceil((slotsOfLarger * slotUnits) / pageUnits)
    const span = this.#segments.startSpan(pages, slotUnits)
    this.#joinRoomy(sizeClass, span)
    return span
  }

  #joinRoomy(sizeClass: number, span: Span): void {
    const first = this.#roomy[sizeClass]!
    span.next = first
    if (first !== null) first.previous = span
    this.#roomy[sizeClass] = span
  }

  #leaveRoomy(sizeClass: number, span: Span): void {
    if (span.previous === null) this.#roomy[sizeClass] = span.next
    else span.previous.next = span.next
    if (span.next !== null) span.next.previous = span.previous
    span.next = null
    span.previous = null
  }
}

/** Up to 16 units each size is a class; above, each doubling has 8. */
function classShift(units: number): number {
  return units <= 16 ? 0 : 28 - Math.clz32(units - 1)
}

function classOf(units: number): number {
  const shift = classShift(units)
  return shift * 8 + ((units - 1) >>> shift) + 1
}

/** The size of the slots that hold so many units. */
function slotUnitsOf(units: number): number {
  const shift = classShift(units)
  return (((units - 1) >>> shift) + 1) << shift
}
