/**
 * Encodes transactions as they run, one behind the other into large blocks: a group is then one copy, and no transaction costs a buffer
 * of its own. The layout is told in `record.ts`.
 */
import type { PackedMap } from './packed-map.ts'
import { Encoded, type Marks } from './record.ts'

/** Says that a response or a value is not there. */
export const none = 0xffffffff

/** A map with its name as a record has it. */
export interface NamedMap {
  readonly name: string
  /** `mapBytes u32 | map`. */
  readonly nameBytes: Buffer
  readonly packed: PackedMap
}

/** One change of a transaction, and one step back. Addresses of entries; 0 is none. */
export class Step {
  readonly map: NamedMap
  readonly key: string
  /** What the key had before. */
  readonly before: number
  /** What it has now; 0: it was deleted. */
  readonly after: number

  constructor(map: NamedMap, key: string, before: number, after: number) {
    this.map = map
    this.key = key
    this.before = before
    this.after = after
  }
}

const blockBytes = 1024 * 1024

export class TransactionEncoder {
  #block = Buffer.alloc(0)
  #end = 0

  encode(marks: Marks | null, response: string | null, steps: readonly Step[]): Encoded {
    const marksText = marks === null ? '' : JSON.stringify(marks)
    let most = 12 + 3 * (marksText.length + (response?.length ?? 0)) // UTF-8 has three bytes for a UTF-16 unit at most
    for (const step of steps) most += changeBytes(step)
    this.#reserve(most)
    const block = this.#block
    const start = this.#end
    let at = start + 12
    const marksBytes = marksText === '' ? 0 : block.write(marksText, at)
    at += marksBytes
    const responseBytes = response === null ? none : block.write(response, at)
    if (response !== null) at += responseBytes
    for (const step of steps) at = encodeChange(block, at, step)
    block.writeUInt32LE(marksBytes, start)
    block.writeUInt32LE(responseBytes, start + 4)
    block.writeUInt32LE(steps.length, start + 8)
    this.#end = at
    return new Encoded(block, start, at)
  }

  /** Forgets the last transaction encoded: it was refused. */
  takeBack({ block, start }: Encoded): void {
    if (block === this.#block) this.#end = start
  }

  #reserve(bytes: number): void {
    if (this.#block.length - this.#end >= bytes) return
    this.#block = Buffer.allocUnsafeSlow(Math.max(blockBytes, bytes)) // the old one lives as long as its transactions
    this.#end = 0
  }
}

/** Of what is deleted only the key is told: its value may be far larger than any transaction. */
function changeBytes({ map: { nameBytes, packed }, before, after }: Step): number {
  return nameBytes.length + (after === 0 ? packed.deletionBytes(before) : packed.entryBytes(after))
}

function encodeChange(block: Buffer, start: number, { map: { nameBytes, packed }, before, after }: Step): number {
  const at = start + nameBytes.length
  block.set(nameBytes, start)
  return at + (after === 0 ? packed.copyDeletion(before, block, at) : packed.copyEntry(after, block, at))
}
