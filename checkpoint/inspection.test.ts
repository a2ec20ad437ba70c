import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { emptyFold, Fold, type FoldState } from './fold.ts'
import { Inspection, type InspectionStart } from './inspection.ts'
import {
  type Claim,
  type Commit,
  compareReigns,
  decodeEntry,
  encodeClaim,
  encodeCommit,
  type Reign,
  recordVersion,
} from './record.ts'

const version = recordVersion

/** A journal in the making, whose authors have read all that stands before, unless told otherwise. */
class Log {
  readonly values: Uint8Array[] = []
  readonly truths: boolean[] = []
  readonly states: FoldState[] = []
  readonly #fold = new Fold()

  get reign(): Reign {
    return this.#fold.state.reign
  }

  claim(reign: Reign, incarnation: string, over: Partial<Claim> = {}): this {
    const { offset: through, digest } = this.#fold.state
    const claim: Claim = {
      type: 'claim',
      version,
      reign,
      incarnation,
      node: `node of ${incarnation}`,
      url: '',
      at: 1,
      through,
      digest,
      ...over,
    }
    return this.append(encodeClaim(claim))
  }

  commit(reign: Reign, incarnation: string, over: Partial<Commit> = {}): this {
    const { digest } = this.#fold.state
    return this.append(encodeCommit({ type: 'commit', version, reign, incarnation, at: 1, digest, ...over }, []))
  }

  append(value: Uint8Array): this {
    this.states.push(this.#fold.state)
    this.values.push(value)
    try {
      this.truths.push(this.#fold.judge(decodeEntry(value, this.values.length - 1), value).valid)
    } catch {
      this.truths.push(false)
    }
    return this
  }

  inspect(start: InspectionStart = emptyFold, until = this.values.length) {
    const inspection = new Inspection(start)
    const records = this.values
      .slice(start.offset, until)
      .map((value, index) => ({ offset: start.offset + index, value }))
    return records.map((record) => inspection.inspect(record))
  }
}

const verdicts = (all: readonly { verdict: string }[]) => all.map(({ verdict }) => verdict)
const gone = (offset: number) => ({ offset, why: 'what stood before is gone' })

describe('an inspection from the beginning', () => {
  it('gives the verdicts of the fold, why a record is void, its size, and who wrote it', () => {
    const log = new Log()
      .claim([1, 0], 'a')
      .commit([1, 0], 'a')
      .claim([2, 0], 'b')
      .commit([1, 0], 'a')
      .commit([2, 0], 'c')
    const all = log.inspect()
    assert.deepEqual(verdicts(all), ['valid', 'valid', 'valid', 'void', 'void'])
    assert.deepEqual(
      all.map(({ why }) => why),
      [null, null, null, 'reign 1.0 is not the current 2.0', 'reign 2.0 was claimed by b'],
    )
    assert.deepEqual(
      all.map(({ node }) => node),
      ['node of a', 'node of a', 'node of b', 'node of a', null],
    )
    assert.deepEqual(
      all.map(({ offset, sizeBytes }) => [offset, sizeBytes]),
      log.values.map(({ length }, offset) => [offset, length]),
    )
  })

  it('says what cannot be read, and is sure of nothing after it but what holds in any case', () => {
    const log = new Log()
      .claim([3, 0], 'a')
      .append(Buffer.from('{}'))
      .commit([3, 0], 'a')
      .commit([2, 0], 'b')
      .claim([3, 0], 'c')
      .claim([4, 0], 'c')
    const all = log.inspect()
    assert.deepEqual(verdicts(all), ['valid', 'unreadable', 'unknown', 'void', 'void', 'unknown'])
    assert.equal(all[1]!.entry, null)
    assert.match(all[1]!.why!, /^the journal record at offset 1 has version 1/)
    assert.equal(all[2]!.why, 'who is current is not known: the record at offset 1 cannot be read')
    assert.match(all[3]!.why!, /^reign 2.0 is not the current, which is 3.0 or a higher one$/)
    assert.match(all[4]!.why!, /^reign 3.0 is not above the current, which is 3.0 or a higher one$/)
  })

  it('says what was written upon another history, and is sure of nothing after it', () => {
    const log = new Log()
      .claim([1, 0], 'a')
      .commit([1, 0], 'a', { digest: 'f'.repeat(32) })
      .commit([1, 0], 'a')
    const all = log.inspect()
    assert.deepEqual(verdicts(all), ['valid', 'diverged', 'unknown'])
    assert.match(all[1]!.why!, /does not fit the history read before it/)
    const foreign = new Log()
      .claim([1, 0], 'a')
      .claim([2, 0], 'b', { digest: 'f'.repeat(32) })
      .commit([1, 0], 'a')
      .commit([2, 0], 'b')
    assert.deepEqual(verdicts(foreign.inspect()), ['valid', 'diverged', 'void', 'unknown'])
  })

  it('is sure of nothing after a gap', () => {
    const log = new Log().claim([1, 0], 'a').commit([1, 0], 'a').commit([1, 0], 'a')
    const inspection = new Inspection(emptyFold)
    inspection.inspect({ offset: 0, value: log.values[0]! })
    const { verdict, why } = inspection.inspect({ offset: 2, value: log.values[2]! })
    assert.deepEqual(
      [verdict, why],
      ['unknown', 'who is current is not known: the records from offset 1 to 1 are missing'],
    )
    assert.throws(() => inspection.inspect({ offset: 2, value: log.values[2]! }), /judged before/)
  })
})

describe('an inspection of a journal whose beginning is gone', () => {
  it('knows of no record that it is valid, and of some that they are void', () => {
    const log = new Log()
      .claim([5, 0], 'a')
      .commit([5, 0], 'a')
      .commit([0, 0], 'b')
      .claim([6, 0], 'b')
      .commit([5, 0], 'a')
      .claim([5, 1], 'a')
      .commit([6, 0], 'b')
      .commit([7, 0], 'c')
    const all = log.inspect(gone(1))
    assert.deepEqual(verdicts(all), ['unknown', 'void', 'unknown', 'void', 'void', 'unknown', 'unknown'])
    assert.equal(all[0]!.why, 'who is current is not known: what stood before is gone')
  })

  it('knows all from where a snapshot says what was', () => {
    const log = new Log().claim([1, 0], 'a').claim([2, 0], 'b').commit([1, 0], 'a').commit([2, 0], 'b')
    const all = log.inspect(log.states[2])
    assert.deepEqual(verdicts(all), ['void', 'valid'])
    assert.equal(all[1]!.node, 'node of b', 'also who leads since before')
  })
})

describe('an inspection, of any journal and from anywhere', () => {
  const reign = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 1 }))
  const incarnation = fc.constantFrom('a', 'b')
  const wrong = fc.boolean().filter(Boolean)
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('claim' as const), reign, incarnation }) },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('commit' as const), reign, incarnation }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('garbage' as const), wrong }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('foreign' as const), reign, incarnation }) },
  )
  const build = (steps: (typeof step extends fc.Arbitrary<infer T> ? T : never)[]) => {
    const log = new Log()
    for (const one of steps) {
      // Whoever commits has claimed before.
      const unclaimed = one.kind === 'commit' && compareReigns(one.reign, log.reign) > 0
      if (one.kind === 'garbage') log.append(Buffer.from([9, 9]))
      else if (unclaimed) log.commit(log.reign, one.incarnation)
      else if (one.kind === 'foreign') log.commit(one.reign, one.incarnation, { digest: '0'.repeat(32) })
      else log[one.kind](one.reign, one.incarnation)
    }
    return log
  }
  /** Up to the first record at which every reader stops: what comes after it has no truth. */
  const soundPart = (log: Log) => {
    const found = verdicts(log.inspect()).findIndex((verdict) => verdict === 'unreadable' || verdict === 'diverged')
    return found < 0 ? log.values.length : found
  }

  it('never says valid or void where the fold of the whole says otherwise', () => {
    let certain = 0
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(30), (steps, from) => {
        const log = build(steps)
        const until = soundPart(log)
        const start = from % (until + 1)
        for (const { offset, verdict } of log.inspect(gone(start), until)) {
          if (verdict === 'unknown') continue
          certain++
          assert.equal(verdict, log.truths[offset] ? 'valid' : 'void', `offset ${offset}`)
        }
      }),
      { numRuns: 1_000 },
    )
    assert.ok(certain > 200, `${certain} verdicts without the beginning`)
  })

  it('knows all wherever it is told what the fold was', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), fc.nat(29), (steps, from) => {
        const log = build(steps)
        const until = soundPart(log)
        if (from >= until) return
        for (const { offset, verdict } of log.inspect(log.states[from], until))
          assert.equal(verdict, log.truths[offset] ? 'valid' : 'void', `offset ${offset}`)
      }),
      { numRuns: 500 },
    )
  })
})
