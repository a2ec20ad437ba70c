/**
 * Memory for entries, outside the JavaScript heap: large buffers that no garbage collector walks, and that a killed process gives back
 * at once. Segments of up to 8 MiB are carved into spans of one size class each, spans into slots; a freed slot serves its class again.
 * The way of a slab allocator (Bonwick, USENIX Summer 1994), without giving spans back: what one class has reserved stays with it.
 *
 * An entry is `keyBytes u32 | valueBytes u32 | key (UTF-8) | value (JSON text, UTF-8)`, little-endian; valueBytes `deletedValue`: no value.
 */
import { CheckpointError } from './errors.ts'
import { PackedKey, type Seed } from './packed-key.ts'

/** Bytes before an entry's key. */
export const entryHeaderBytes = 8
/** `valueBytes` of a key that was deleted. In the arena: of a slot that is free. */
export const deletedValue = 0xffffffff

const unitBytes = 8
/** An address is the number of a segment, from 1, and of a unit in it, so that 0 is no address. */
const unitBits = 20
const segmentBytesMax = 2 ** unitBits * unitBytes
const segmentBytesMin = 64 * 1024
const segmentsMax = 2 ** (32 - unitBits) - 1
const spanBytes = 64 * 1024
const classesMax = 256

export interface ArenaOptions {
  /** What keys are hashed with. Random in each process, so that nobody can craft keys that collide. */
  readonly seed: Seed
  /** Memory to reserve at most, in bytes. Default: what 32-bit addresses reach, 32 GiB. */
  readonly bytesMax?: number
}

export class Arena {
  /** The key that a map here is looking for: maps work one at a time and share it. */
  readonly key: PackedKey
  readonly #bytesMax: number
  /** Index 0 is nobody's. */
  readonly #segments: Buffer[] = [Buffer.alloc(0)]
  readonly #views: DataView[] = [new DataView(new ArrayBuffer(0))]
  /** Of each size class: the first free slot; and in its newest span the next slot, and how many units are left. */
  readonly #free = new Uint32Array(classesMax)
  readonly #next = new Uint32Array(classesMax)
  readonly #left = new Uint32Array(classesMax)
  /** What is not yet carved of the newest segment. */
  #freshUnit = 0
  #freshUnits = 0
  #unitsUsed = 0
  #bytesReserved = 0

  constructor(options: ArenaOptions) {
    this.key = new PackedKey(options.seed)
    this.#bytesMax = options.bytesMax ?? segmentsMax * segmentBytesMax
  }

  /** Memory taken from the system, in bytes; pages that were never written cost nothing yet. */
  get bytesReserved(): number {
    return this.#bytesReserved
  }

  /** Memory in slots that are not free, in bytes. */
  get bytesUsed(): number {
    return this.#unitsUsed * unitBytes
  }

  /**
   * A slot of at least `bytes`. The caller writes an entry's header there before it frees it: from that its size is known.
   * @throws CheckpointError STATE_FULL
   */
  allocate(bytes: number): number {
    const units = Math.ceil(bytes / unitBytes)
    const shift = classShift(units)
    const steps = ((units - 1) >>> shift) + 1
    const slotUnits = steps << shift
    const sizeClass = shift * 8 + steps
    let address = this.#free[sizeClass]!
    if (address !== 0) {
      this.#free[sizeClass] = this.viewOf(address).getUint32(this.offsetOf(address), true)
    } else {
      if (this.#left[sizeClass] === 0) this.#startSpan(sizeClass, slotUnits)
      address = this.#next[sizeClass]!
      this.#next[sizeClass] = address + slotUnits
      this.#left[sizeClass]! -= slotUnits
    }
    this.#unitsUsed += slotUnits
    return address
  }

  /** Gives a slot back. A slot that is free already is a broken invariant. */
  free(address: number): void {
    const view = this.viewOf(address)
    const offset = this.offsetOf(address)
    const valueBytes = view.getUint32(offset + 4, true)
    if (valueBytes === deletedValue) throw new Error(`assertion: the slot at ${address} was freed twice`)
    const units = Math.ceil((entryHeaderBytes + view.getUint32(offset, true) + valueBytes) / unitBytes)
    const shift = classShift(units)
    const steps = ((units - 1) >>> shift) + 1
    const sizeClass = shift * 8 + steps
    view.setUint32(offset, this.#free[sizeClass]!, true)
    view.setUint32(offset + 4, deletedValue, true)
    this.#free[sizeClass] = address
    this.#unitsUsed -= steps << shift
  }

  /** The buffer an address stands in. */
  segmentOf(address: number): Buffer {
    return this.#segments[address >>> unitBits]!
  }

  /** The same memory as `segmentOf`. */
  viewOf(address: number): DataView {
    return this.#views[address >>> unitBits]!
  }

  /** Where in its segment an address stands, in bytes. */
  offsetOf(address: number): number {
    return (address & (2 ** unitBits - 1)) * unitBytes
  }

  #startSpan(sizeClass: number, slotUnits: number): void {
    const spanUnits = slotUnits * Math.max(1, Math.floor(spanBytes / unitBytes / slotUnits))
    if (this.#freshUnits < spanUnits) this.#startSegment(spanUnits * unitBytes)
    this.#next[sizeClass] = (this.#segments.length - 1) * 2 ** unitBits + this.#freshUnit
    this.#left[sizeClass] = spanUnits
    this.#freshUnit += spanUnits
    this.#freshUnits -= spanUnits
  }

  /** As large as all before together, within limits: a small state is cheap, a large one has few segments. */
  #startSegment(bytesMin: number): void {
    const growth = Math.min(Math.max(this.#bytesReserved, segmentBytesMin), segmentBytesMax)
    const bytes = Math.max(bytesMin, Math.min(growth, this.#bytesMax - this.#bytesReserved))
    if (this.#bytesReserved + bytes > this.#bytesMax || this.#segments.length > segmentsMax) {
      throw new CheckpointError(
        'STATE_FULL',
        `the state has ${this.#bytesReserved} bytes reserved, and ${this.#bytesMax} are allowed; delete keys, or use more shards`,
      )
    }
    const segment = Buffer.allocUnsafeSlow(bytes)
    this.#segments.push(segment)
    this.#views.push(new DataView(segment.buffer, segment.byteOffset, segment.byteLength))
    this.#bytesReserved += bytes
    this.#freshUnit = 0
    this.#freshUnits = Math.floor(bytes / unitBytes)
  }
}

/** Up to 16 units each size is a class; above, each doubling has 8. */
function classShift(units: number): number {
  return units <= 16 ? 0 : 28 - Math.clz32(units - 1)
}
