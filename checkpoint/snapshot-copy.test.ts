import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultLimits } from './checkpoint.ts'
import type { FoldState } from './fold.ts'
import { Replica } from './replica.ts'
import { ChunkReader } from './snapshot-chunk.ts'
import { SnapshotCopy } from './snapshot-copy.ts'
import { Stage, type StageWriter } from './stage.ts'
import { Store } from './store.ts'
import type { Identity } from './submission.ts'

const limits = { sessionIdleMs: 40, keyAgeMs: 25, sessionsMax: 4, keysMax: 6, groupBytesMax: 400 }
const mapNames = ['m', 'n', 'empty at first']

/** A stage on which two writers take turns, and a third follows; each number chooses a step. */
class Story {
  readonly stage = new Stage()
  readonly #writers: StageWriter[]
  readonly #waiting = new Map<string, { next: number; lowest: number }>()
  #leader: StageWriter
  #epoch = 1
  #keys = 0

  constructor() {
    this.#leader = this.stage.leader('w0', 1, limits)
    this.#writers = [this.#leader, this.stage.writer('w1', limits)]
  }

  get leader(): StageWriter {
    return this.#leader
  }

  step(choice: number): void {
    const leader = this.#leader
    const detail = Math.floor(choice / 16)
    switch (choice % 16) {
      case 0:
        leader.openSession()
        break
      case 1:
        this.#elapse(detail % 7 === 0 ? 60 : detail % 9)
        break
      case 2:
        leader.settle()
        break
      case 3:
        leader.flush()
        break
      case 4:
        if (leader.appends.length > 0) leader.acknowledge(leader.land())
        break
      case 5:
        this.#void(detail)
        break
      case 6:
        if (detail % 5 === 0) this.changeReign()
        break
      default:
        this.#change(detail, choice % 16)
    }
  }

  /** Another writer claims; what the first had not landed is taken back. */
  changeReign(): void {
    const [from, to] = this.#leader === this.#writers[0] ? this.#writers : [...this.#writers].reverse()
    to!.nowMs = from!.nowMs
    to!.readAll()
    to!.lead(++this.#epoch)
    to!.settle()
    from!.readAll()
    from!.appends.length = 0
    this.#leader = to!
  }

  #elapse(ms: number): void {
    for (const writer of this.#writers) writer.nowMs += ms
  }

  /** A zombie's commit: of a reign that is over, or was another's. */
  #void(detail: number): void {
    const zombie = new Stage().leader('zombie', 1 + (detail % this.#epoch), limits)
    zombie.ask('increment')
    zombie.flush()
    this.stage.log.push(zombie.appends[0]!.value)
  }

  #change(detail: number, kind: number): void {
    const identity = this.#identity(detail)
    const { store } = this.#leader
    this.#leader.run(() => {
      const name = mapNames[detail % 3]!
      const key = `k${detail % 11}`
      if (kind === 7) store.delete(name, key)
      else store.set(name, key, { detail, text: 'x'.repeat(detail % 60) })
      return detail
    }, identity)
  }

  #identity(detail: number): Identity | undefined {
    if (detail % 4 === 0) return { key: `key${detail % 12 === 0 ? this.#keys : this.#keys++}`, fingerprint: 'f' }
    if (detail % 4 === 1) return undefined
    const session = String(1 + (detail % 5))
    const counts = this.#waiting.get(session) ?? { next: 0, lowest: 0 }
    if (detail % 3 === 0) counts.lowest = Math.max(counts.lowest, counts.next - (detail % 4))
    this.#waiting.set(session, counts)
    return { request: [session, counts.next++, counts.lowest] }
  }
}

/** Reads a log as a standby does. */
class Follower {
  readonly store = new Store({ ...defaultLimits, ...limits })
  readonly replica: Replica
  readonly #log: readonly Uint8Array[]

  constructor(log: readonly Uint8Array[]) {
    this.#log = log
    const all = { ...defaultLimits, ...limits }
    this.replica = new Replica({ incarnation: 'f', node: 'f', url: () => '', store: this.store, limits: all })
  }

  read(until = this.#log.length): void {
    for (let { offset } = this.replica.foldState; offset < until; offset++)
      this.replica.read(offset, this.#log[offset]!, 0)
  }
}

interface Copied {
  readonly start: FoldState
  readonly chunks: Buffer[]
}

function begin(store: Store, at: number, itemsPerLook: number): SnapshotCopy {
  const maps = store.mapNames().map((name) => ({ name, packed: store.packed(name) }))
  return new SnapshotCopy({ maps, remembered: store.remembered.copy(at) }, itemsPerLook)
}

/** One slice that ends after so many looks. */
function slice(copy: SnapshotCopy, chunks: Buffer[], looks: number): void {
  let left = looks
  const chunk = copy.slice(() => left-- > 0)
  if (chunk) chunks.push(chunk)
}

function restored({ start, chunks }: Copied, log: readonly Uint8Array[], until: number): Follower {
  const follower = new Follower(log)
  const { store } = follower
  const target = { map: (name: string) => store.packed(name), remember: (item: string) => store.remembered.load(item) }
  for (const chunk of chunks) {
    const reader = new ChunkReader(chunk, target)
    while (reader.left > 0) reader.next(3)
  }
  follower.replica.restore(start)
  follower.read(until)
  return follower
}

function mustEqualPlainFold(copied: Copied, log: readonly Uint8Array[], end: number): void {
  for (const until of new Set([end, log.length])) {
    const plain = new Follower(log)
    plain.read(until)
    const follower = restored(copied, log, until)
    assert.deepEqual(follower.store.snapshot(), plain.store.snapshot())
    assert.deepEqual(follower.replica.foldState, plain.replica.foldState)
    assert.deepEqual(follower.store.remembered.expired(1e9), plain.store.remembered.expired(1e9), 'decides alike')
  }
}

const numbers = (least: number, most: number) =>
  fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: least, maxLength: most, size: 'max' })

test('a copy taken by a standby in slices, while it reads on, and what follows, gives the state of the plain fold', () => {
  fc.assert(
    fc.property(numbers(0, 60), numbers(10, 150), fc.integer({ min: 1, max: 4 }), (before, during, itemsPerLook) => {
      const story = new Story()
      const { log } = story.stage
      for (const choice of before) story.step(choice)
      story.leader.settle()
      const standby = new Follower(log)
      standby.read()
      const { foldState: start } = standby.replica
      const copy = begin(standby.store, start.at, itemsPerLook)
      const chunks: Buffer[] = []
      for (const choice of during) {
        story.step(choice)
        if (choice % 3 === 0) standby.read(Math.min(log.length, standby.replica.foldState.offset + (choice % 5)))
        if (choice % 2 === 0 && !copy.done) slice(copy, chunks, 1 + (choice % 7))
      }
      while (!copy.done) slice(copy, chunks, 100)
      const end = standby.replica.foldState.offset
      story.leader.settle()
      for (const choice of during.slice(0, 30)) story.step(choice)
      story.leader.settle()
      mustEqualPlainFold({ start, chunks }, log, end)
    }),
    { numRuns: 300 },
  )
})

test('a copy taken by the active, speculative values and all, holds once all it saw is valid', () => {
  fc.assert(
    fc.property(numbers(0, 60), numbers(10, 150), fc.integer({ min: 1, max: 4 }), (before, during, itemsPerLook) => {
      const story = new Story()
      const { log } = story.stage
      for (const choice of before) story.step(choice)
      const { leader } = story
      leader.readAll()
      const { foldState: start } = leader.replica
      const copy = begin(leader.store, start.at, itemsPerLook)
      const chunks: Buffer[] = []
      for (const choice of during) {
        if (choice % 16 !== 6 && choice % 16 !== 5) story.step(choice) // any change of phase abandons the copy
        if (choice % 2 === 0 && !copy.done) slice(copy, chunks, 1 + (choice % 7))
      }
      while (!copy.done) slice(copy, chunks, 100)
      leader.settle()
      const end = leader.replica.foldState.offset
      for (const choice of before) story.step(choice)
      story.leader.settle()
      mustEqualPlainFold({ start, chunks }, log, end)
    }),
    { numRuns: 300 },
  )
})

test('a slice ends when it is told to, also within one large partition, and a full chunk ends it too', () => {
  const store = new Store(defaultLimits)
  const packed = store.packed('m')
  for (let index = 0; index < 20_000; index++) packed.put(`k${index}`, JSON.stringify('x'.repeat(90)))
  const copy = begin(store, 0, 64)
  const chunks: Buffer[] = []
  let slices = 0
  while (!copy.done) {
    const before = copy.keys
    slice(copy, chunks, 3)
    assert.ok(copy.keys - before <= 3 * 64 + 64, `${copy.keys - before} keys in one slice`)
    slices++
  }
  assert.ok(slices > 20 && chunks.length > 2 && chunks.every(({ length }) => length <= 900_000))
  assert.equal(copy.keys, 20_000)
})

test('keys of a partition that was left in the middle are found again although their entries moved', () => {
  const store = new Store(defaultLimits)
  const packed = store.packed('m')
  for (let index = 0; index < 500; index++) packed.put(`k${index}`, '1')
  const copy = begin(store, 0, 1)
  const chunks: Buffer[] = []
  for (let round = 0; !copy.done; round++) {
    slice(copy, chunks, 2)
    for (let index = 0; index < 500; index++) packed.release(packed.put(`k${index}`, `${round}`))
  }
  const target = new Store(defaultLimits)
  for (const chunk of chunks) {
    const reader = new ChunkReader(chunk, { map: (name) => target.packed(name), remember: () => undefined })
    reader.next(1_000)
  }
  assert.equal(target.packed('m').size, 500)
})
