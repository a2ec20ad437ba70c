/** How many bytes of journal stand behind an offset, from what was read of it. Pure, in bounded memory: an answer may be a little too high. */

/** More marks than so many are thinned out to half. */
const marksMax = 1_024
/** Kafka's own share of a record, about. */
const overheadBytes = 70

export class TailBytes {
  /** Offsets, and how many bytes had been read below each, ascending. */
  #marks: { offset: number; bytes: number }[] = []
  #bytes = 0
  #next = 0
  #markEveryBytes = 64 * 1024

  /** Reading begins, or begins anew, at `offset`. */
  begin(offset: number): void {
    this.#marks = [{ offset, bytes: 0 }]
    this.#bytes = 0
    this.#next = offset
  }

  /** A record was read. One that was read before does not count again. */
  read(offset: number, bytes: number): void {
    if (offset < this.#next) return
    this.#next = offset + 1
    this.#bytes += bytes + overheadBytes
    const last = this.#marks.at(-1)
    if (last && this.#bytes - last.bytes < this.#markEveryBytes) return
    this.#marks.push({ offset: this.#next, bytes: this.#bytes })
    if (this.#marks.length <= marksMax) return
    this.#marks = this.#marks.filter((_, index) => index % 2 === 0)
    this.#markEveryBytes *= 2
  }

  /** Bytes read from `offset` on; all that were read if it is lower than where reading began. */
  since(offset: number): number {
    const below = this.#marks.findLast((mark) => mark.offset <= offset)
    return this.#bytes - (below?.bytes ?? 0)
  }
}
