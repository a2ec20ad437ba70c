/**
 * The memory of an arena: segments of pages, and spans, which are runs of pages that hold slots of one size. A span that is empty goes
 * back and serves any size; a segment that is empty goes back to the system if as much as a large one is free elsewhere.
 */
import { CheckpointError } from './errors.ts'

export const unitBytes = 8
/** An address is the number of a segment, from 1, and of a unit in it, so that 0 is no address. */
const unitBits = 20
const pageUnitBits = 10
/** What spans are made of: 8 KiB. */
export const pageUnits = 2 ** pageUnitBits
const pageBytes = pageUnits * unitBytes
const segmentPagesMax = 2 ** (unitBits - pageUnitBits)
const segmentPagesMin = 8
const segmentsMax = 2 ** (32 - unitBits) - 1
/** What 32-bit addresses reach: 32 GiB. */
export const addressableBytes = segmentsMax * segmentPagesMax * pageBytes

/** A run of pages that holds slots of one size. */
export class Span {
  readonly address: number
  readonly pages: number
  readonly slotUnits: number
  readonly slots: number
  /** Slots that are not free. */
  live = 0
  /** The first slot that was given back, or 0; each holds the address of the next. */
  free = 0
  /** The first slot that was never taken. */
  fresh: number
  /** Its neighbours among the spans of its size that have room. */
  next: Span | null = null
  previous: Span | null = null

  constructor(address: number, pages: number, slotUnits: number) {
    this.address = address
    this.pages = pages
    this.slotUnits = slotUnits
    this.slots = Math.floor((pages * pageUnits) / slotUnits)
    this.fresh = address
  }
}

interface Segment {
  /** Of each page: what it belongs to; null: it is free. */
  readonly spans: (Span | null)[]
  freePages: number
  /** No free run is longer. */
  longestRun: number
}

const noBuffer = Buffer.alloc(0)
const noView = new DataView(new ArrayBuffer(0))

export class Segments {
  /** By the number of the segment; 0 is nobody's, and one that was given back is empty. */
  readonly #buffers: Buffer[] = [noBuffer]
  readonly #views: DataView[] = [noView]
  readonly #segments: (Segment | null)[] = [null]
  readonly #bytesMax: number
  #pages = 0
  #freePages = 0

  constructor(bytesMax: number) {
    this.#bytesMax = Math.min(bytesMax, addressableBytes)
  }

  get bytes(): number {
    return this.#pages * pageBytes
  }

  bufferOf(address: number): Buffer {
    return this.#buffers[address >>> unitBits]!
  }

  viewOf(address: number): DataView {
    return this.#views[address >>> unitBits]!
  }

  /** Where in its segment an address stands, in bytes. */
  offsetOf(address: number): number {
    return (address & (2 ** unitBits - 1)) * unitBytes
  }

  spanOf(address: number): Span | null {
    return this.#segments[address >>> unitBits]?.spans[(address & (2 ** unitBits - 1)) >>> pageUnitBits] ?? null
  }

  /**
   * Takes a run of pages for slots of `slotUnits`, the first that is free.
   * @throws CheckpointError STATE_FULL
   */
  startSpan(pages: number, slotUnits: number): Span {
    let number = 0
    let first = -1
    if (pages <= this.#freePages) {
      while (first < 0 && ++number < this.#segments.length) first = firstRun(this.#segments[number]!, pages)
    }
    if (first < 0) {
      number = this.#startSegment(pages)
      first = 0
    }
    const span = new Span(number * 2 ** unitBits + first * pageUnits, pages, slotUnits)
    this.#occupy(span, span)
    return span
  }

  /** Gives a span's pages back. */
  endSpan(span: Span): void {
    this.#occupy(span, null)
    const number = span.address >>> unitBits
    const { spans, freePages } = this.#segments[number]!
    if (freePages < spans.length) return
    // One that is too large to have an address for each page serves once.
    if (spans.length > segmentPagesMax || this.#freePages - freePages >= segmentPagesMax) this.#endSegment(number)
  }

  #occupy(run: Span, by: Span | null): void {
    const segment = this.#segments[run.address >>> unitBits]!
    const first = (run.address & (2 ** unitBits - 1)) >>> pageUnitBits
    segment.spans.fill(by, first, first + run.pages)
    const freed = by === null ? run.pages : -run.pages
    segment.freePages += freed
    this.#freePages += freed
    if (by === null) segment.longestRun = segment.freePages
  }

  /** As large as all others together, within limits: a small state is cheap, a large one has few segments. */
  #startSegment(pagesMin: number): number {
    const growth = Math.min(Math.max(this.#pages, segmentPagesMin), segmentPagesMax)
    const room = Math.floor(this.#bytesMax / pageBytes) - this.#pages
    const pages = Math.max(pagesMin, Math.min(growth, room))
    const vacant = this.#segments.indexOf(null, 1)
    const number = vacant < 0 ? this.#segments.length : vacant
    if (pages > room || number > segmentsMax) {
      throw new CheckpointError(
        'STATE_FULL',
        `the state has ${this.bytes} bytes reserved, and ${this.#bytesMax} are allowed; delete keys, or use more shards`,
      )
    }
    const buffer = Buffer.allocUnsafeSlow(pages * pageBytes)
    this.#buffers[number] = buffer
    this.#views[number] = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    this.#segments[number] = { spans: new Array<Span | null>(pages).fill(null), freePages: pages, longestRun: pages }
    this.#pages += pages
    this.#freePages += pages
    return number
  }

  #endSegment(number: number): void {
    const { freePages } = this.#segments[number]!
    this.#buffers[number] = noBuffer
    this.#views[number] = noView
    this.#segments[number] = null
    this.#pages -= freePages
    this.#freePages -= freePages
  }
}

/** The first page of the first free run of so many, or -1. */
function firstRun(segment: Segment | null, pages: number): number {
  if (segment === null || segment.longestRun < pages) return -1
  const { spans } = segment
  let longest = 0
  let run = 0
  for (let page = 0; page < spans.length; page++) {
    run = spans[page] === null ? run + 1 : 0
    if (run === pages) return page + 1 - pages
    if (run > longest) longest = run
  }
  segment.longestRun = longest
  return -1
}
