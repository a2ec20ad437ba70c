/** The members that are left for one choice, as indexes: made once and used for every request, so that none is allocated. Pure. */
export class Shortlist {
  indexes = new Int32Array(16)
  count = 0

  /** Empties it and makes room for `capacity` indexes. */
  reset(capacity: number): void {
    if (this.indexes.length < capacity) this.indexes = new Int32Array(capacity * 2)
    this.count = 0
  }

  add(index: number): void {
    this.indexes[this.count++] = index
  }
}
