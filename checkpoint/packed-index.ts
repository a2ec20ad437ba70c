/**
 * Pairs of (hash, address) in one typed array: open addressing, linear probing, backward-shift deletion, doubling at three quarters.
 * The home of a pair is given by its hash's upper bits behind the first `skipBits`, so the pairs stand nearly in the order of their hashes.
 * Address 0 marks an empty cell.
 */
export class PackedIndex {
  /** Hash and address by turns, as signed numbers, which V8 need not box. */
  cells = new Int32Array(16)
  size = 0
  mask = 7
  readonly #skipBits: number
  #shift = 29

  constructor(skipBits: number) {
    this.#skipBits = skipBits
  }

  /** The cell where looking for a hash begins. */
  home(hash: number): number {
    return (hash << this.#skipBits) >>> this.#shift
  }

  /** Puts in a pair that is not there yet. */
  insert(hash: number, address: number): void {
    if (this.size * 4 >= (this.mask + 1) * 3) this.#double()
    this.#place(hash, address)
    this.size++
  }

  /** Empties a cell, and moves those up that stand behind their home because of it. */
  removeAt(cell: number): void {
    const { cells, mask } = this
    let hole = cell
    for (let next = (hole + 1) & mask; cells[next * 2 + 1] !== 0; next = (next + 1) & mask) {
      const displacement = (next - this.home(cells[next * 2]!)) & mask
      if (displacement < ((next - hole) & mask)) continue
      cells[hole * 2] = cells[next * 2]!
      cells[hole * 2 + 1] = cells[next * 2 + 1]!
      hole = next
    }
    cells[hole * 2] = 0
    cells[hole * 2 + 1] = 0
    this.size--
  }

  #place(hash: number, address: number): void {
    const { cells, mask } = this
    let cell = this.home(hash)
    while (cells[cell * 2 + 1] !== 0) cell = (cell + 1) & mask
    cells[cell * 2] = hash
    cells[cell * 2 + 1] = address
  }

  #double(): void {
    const before = this.cells
    this.cells = new Int32Array(before.length * 2)
    this.mask = this.mask * 2 + 1
    this.#shift--
    for (let at = 0; at < before.length; at += 2) {
      if (before[at + 1] !== 0) this.#place(before[at]!, before[at + 1]!)
    }
  }
}
