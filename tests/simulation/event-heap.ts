/** What happens when, in virtual time: a binary heap. Of two at the same time the one that was put in first comes first. Pure. */

export interface Scheduled {
  readonly atMs: number
  readonly order: number
  /** Null once it was called off: it stays in the heap until its time. */
  run: (() => void) | null
}

export class EventHeap {
  readonly #heap: Scheduled[] = []
  #orders = 0

  get size(): number {
    return this.#heap.length
  }

  add(atMs: number, run: () => void): Scheduled {
    const event = { atMs, order: this.#orders++, run }
    const heap = this.#heap
    let index = heap.length
    heap.push(event)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = event
    return event
  }

  /** The earliest, which stays. */
  peek(): Scheduled | undefined {
    return this.#heap[0]
  }

  take(): Scheduled | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = index * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return first
  }
}

function isBefore(left: Scheduled, right: Scheduled): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order)
}
