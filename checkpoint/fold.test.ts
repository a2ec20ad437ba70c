import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CheckpointError } from './errors.ts'
import { emptyFold, Fold } from './fold.ts'
import {
  type Claim,
  type Commit,
  compareReigns,
  decodeEntry,
  type Entry,
  encodeClaim,
  encodeCommit,
  type Reign,
  recordVersion,
} from './record.ts'

const version = recordVersion

/** A log in the making: appends records that carry the digest of what is valid before them, unless told otherwise. */
class Log {
  readonly fold = new Fold()

  claim(reign: [number, number], incarnation: string, over: Partial<Claim> = {}) {
    const { offset, digest, at } = this.fold.state
    const claim: Claim = {
      type: 'claim',
      version,
      reign,
      incarnation,
      node: incarnation,
      url: '',
      at,
      through: offset,
      digest,
      ...over,
    }
    return this.fold.judge(claim, encodeClaim(claim))
  }

  commit(reign: [number, number], incarnation: string, over: Partial<Commit> = {}) {
    const { digest, at } = this.fold.state
    const commit: Commit = { type: 'commit', version, reign, incarnation, at, digest, transactions: [], ...over }
    return this.fold.judge(commit, encodeCommit(commit, []))
  }
}

/** One that was claimed already: the current, or one below. */
function pastReign(current: Reign, epoch: number, attempt: number): Reign {
  return compareReigns([epoch, attempt], current) > 0 ? current : [epoch, attempt]
}

const isDiverged = (error: unknown) => error instanceof CheckpointError && error.code === 'HISTORY_DIVERGED'

test('a claim is valid only above the current reign, epoch before attempt', () => {
  const log = new Log()
  const table: [[number, number], boolean][] = [
    [[0, 0], false],
    [[3, 1], true],
    [[3, 1], false],
    [[2, 9], false],
    [[3, 2], true],
    [[4, 0], true],
    [[3, 3], false],
  ]
  for (const [reign, valid] of table) assert.equal(log.claim(reign, 'a').valid, valid, `claim ${reign.join('.')}`)
})

test('a commit is valid only under the current reign, and only from the incarnation that claimed it', () => {
  const log = new Log()
  log.claim([1, 0], 'a')
  assert.equal(log.commit([1, 0], 'a').valid, true)
  assert.equal(log.commit([1, 0], 'b').valid, false, 'two claimants of one reign must not both commit')
  assert.equal(log.claim([1, 0], 'b').valid, false)
  log.claim([1, 1], 'a')
  assert.equal(log.commit([1, 0], 'a').valid, false, 'an append given up on is void once the next attempt is claimed')
  log.claim([2, 0], 'b')
  assert.equal(log.commit([1, 1], 'a').valid, false, 'a zombie is fenced')
})

test('a void record changes nothing but the offset', () => {
  const log = new Log()
  log.claim([2, 0], 'a')
  const before = log.fold.state
  log.commit([1, 0], 'z', { at: 99, digest: 'f'.repeat(32) })
  assert.deepEqual(log.fold.state, { ...before, offset: before.offset + 1 })
})

test('a commit under a reign that nobody claimed stops the reader: its author read a claim here that is not here', () => {
  const log = new Log()
  log.claim([1, 0], 'a')
  assert.throws(() => log.commit([1, 1], 'a'), isDiverged)
  assert.throws(() => log.commit([7, 0], 'z'), isDiverged)
})

test('a valid record written upon another history stops the reader', () => {
  const log = new Log()
  log.claim([1, 0], 'a')
  assert.throws(() => log.commit([1, 0], 'a', { digest: 'f'.repeat(32) }), isDiverged)
})

test('a claim is checked against the history its author had read, also when more came before it', () => {
  const log = new Log()
  log.claim([1, 0], 'a')
  const { offset: through, digest } = log.fold.state
  log.commit([1, 0], 'a')
  assert.equal(log.claim([2, 0], 'b', { through, digest }).valid, true)
  assert.throws(() => log.claim([3, 0], 'c', { through, digest: 'f'.repeat(32) }), isDiverged)
  assert.throws(
    () => log.claim([4, 0], 'd', { through: 99 }),
    isDiverged,
    'its author had read more than there is: the log lost records',
  )
})

test('journal time never runs backwards', () => {
  const log = new Log()
  log.claim([1, 0], 'a', { at: 500 })
  log.commit([1, 0], 'a', { at: 400 })
  assert.equal(log.fold.state.at, 500)
})

test('all readers agree: a fold over the whole equals a fold that was continued anywhere', () => {
  const step = fc.record({
    claim: fc.boolean(),
    epoch: fc.nat(4),
    attempt: fc.nat(2),
    who: fc.constantFrom('a', 'b', 'c'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(40), (steps, cut) => {
      const log = new Log()
      const entries: [Entry, Uint8Array][] = []
      for (const { claim, epoch, attempt, who } of steps) {
        const { digest, at, offset } = log.fold.state
        // Whoever commits has claimed before.
        const reign = claim ? ([epoch, attempt] as const) : pastReign(log.fold.state.reign, epoch, attempt)
        const head = { version, reign, incarnation: who, at, digest }
        const entry: Entry = claim
          ? { type: 'claim', ...head, node: who, url: '', through: offset }
          : { type: 'commit', ...head, transactions: [] }
        const value = entry.type === 'claim' ? encodeClaim(entry) : encodeCommit(entry, [])
        entries.push([decodeEntry(value, offset), value])
        log.fold.judge(entry, value)
      }
      const first = new Fold()
      for (const [entry, value] of entries.slice(0, cut)) first.judge(entry, value)
      const second = new Fold(first.state)
      for (const [entry, value] of entries.slice(cut)) second.judge(entry, value)
      assert.deepEqual(second.state, log.fold.state)
    }),
  )
  assert.deepEqual(new Fold().state, emptyFold)
})
