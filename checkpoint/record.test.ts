import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultLimits } from './checkpoint.ts'
import { CheckpointError } from './errors.ts'
import {
  type Commit,
  compareReigns,
  decodeEntry,
  describeEntry,
  type Encoded,
  encodeClaim,
  encodeCommit,
  type Marks,
  recordVersion,
} from './record.ts'
import { Store } from './store.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const commit: Omit<Commit, 'transactions'> = {
  type: 'commit',
  version: recordVersion,
  reign: [2, 1],
  incarnation: 'i',
  at: 5,
  digest: '0'.repeat(32),
}

/** What a transaction with these changes and this response is encoded as. */
function encoded(changes: readonly Described[], marks: Marks | null, response: unknown): Encoded {
  const store = new Store({ ...defaultLimits, transactionBytesMax: 1_000_000 })
  const { steps } = store.run(
    () => {
      for (const [map, key, value] of changes) store.set(map, key, value ?? null)
      for (const [map, key, ...value] of changes) if (value.length === 0) store.delete(map, key)
    },
    () => undefined,
  )
  return store.encode(marks, response === undefined ? null : JSON.stringify(response), steps)
}

type Described = [map: string, key: string, value?: unknown]
const text = fc.string({ unit: 'grapheme' })
const marks = fc.record(
  { request: fc.tuple(text, fc.nat(), fc.nat()), key: text, fingerprint: text, open: text, forgetBefore: fc.nat() },
  { requiredKeys: [] },
)

test('what is encoded is decoded, whatever the keys and values', () => {
  const transaction = fc.record({
    changes: fc.uniqueArray(fc.tuple(text, text, fc.jsonValue()), {
      selector: ([map, key]) => JSON.stringify([map, key]),
    }),
    marks,
    response: fc.option(fc.jsonValue(), { nil: undefined }),
  })
  fc.assert(
    fc.property(fc.array(transaction, { maxLength: 5 }), (transactions) => {
      const all = transactions.map((each) => encoded(each.changes, each.marks, each.response))
      const described = describeEntry(decodeEntry(encodeCommit(commit, all), 0))
      const expected = transactions.map(({ changes, marks, response }) => ({
        ...marks,
        ...(changes.length === 0 ? {} : { changes }),
        ...(response === undefined ? {} : { response }),
      }))
      assert.deepEqual(described, JSON.parse(JSON.stringify({ ...commit, transactions: expected })))
    }),
  )
  const claim = { ...commit, type: 'claim', node: 'n', url: 'http://h:1', through: 7 } as const
  assert.deepEqual(decodeEntry(encodeClaim(claim), 0), claim)
})

test('a deletion is told by its key alone', () => {
  const changes: Described[] = [
    ['m', 'a', 1],
    ['m', 'é'],
    ['other', 'b'],
  ]
  const { transactions } = describeEntry(decodeEntry(encodeCommit(commit, [encoded(changes, null, undefined)]), 0))
  const all = (transactions as unknown as { changes: Described[] }[])[0]!.changes
  assert.deepEqual(all.slice(-2), [
    ['m', 'é'],
    ['other', 'b'],
  ])
})

test('transactions that stand one behind the other and those that do not make the same record', () => {
  const store = new Store(defaultLimits)
  const make = (value: number) =>
    store.encode(
      null,
      null,
      store.run(
        () => store.set('m', 'k', value),
        () => undefined,
      ).steps,
    )
  const [a, b, c] = [make(1), make(2), make(3)]
  const apart = [a, b, c].map(({ block, start, end }) => ({ block: Buffer.from(block), start, end }))
  assert.deepEqual(encodeCommit(commit, [a, b, c]), encodeCommit(commit, apart))
  assert.deepEqual(encodeCommit(commit, [a, c]), encodeCommit(commit, [apart[0]!, apart[2]!]))
})

test('whatever is not a sound record of a known type and version is refused with its offset', () => {
  const sound = Buffer.from(encodeCommit(commit, [encoded([['map', 'key', 1]], { open: '1' }, 5)]))
  const withHead = (head: object) => {
    const text = JSON.stringify({ reign: [2, 1], incarnation: 'i', at: 5, digest: '0'.repeat(32), ...head })
    const start = Buffer.alloc(6)
    sound.copy(start, 0, 0, 2)
    start.writeUInt32LE(text.length, 2)
    return Buffer.concat([start, bytes(text), Buffer.alloc(4)])
  }
  const patched = (at: number, byte: number) => {
    const copy = Buffer.from(sound)
    copy[at] = byte
    return copy
  }
  decodeEntry(withHead({}), 0)
  const table: [string, Uint8Array][] = [
    ['nothing', bytes('')],
    ['a record of version 1', bytes('{"type":"claim","version":1}')],
    ['a newer version', patched(0, recordVersion + 1)],
    ['an unknown type', patched(1, 3)],
    ['a claim with the head of a commit', patched(1, 1)],
    ['a head that is not JSON', patched(6, 0x5b)],
    ['a head longer than the record', patched(5, 0x7f)],
    ['a reign of one number', withHead({ reign: [1] })],
    ['a negative epoch', withHead({ reign: [-1, 0] })],
    ['no incarnation', withHead({ incarnation: '' })],
    ['no digest', withHead({ digest: undefined })],
    ['more bytes than it says', Buffer.concat([sound, Buffer.alloc(1)])],
  ]
  for (let length = 1; length < sound.length; length++)
    table.push([`its first ${length} bytes`, sound.subarray(0, length)])
  for (const [name, value] of table) {
    assert.throws(
      () => decodeEntry(value, 4711),
      (error) =>
        error instanceof CheckpointError &&
        error.code === 'JOURNAL_UNREADABLE' &&
        error.message.includes('offset 4711'),
      name,
    )
  }
})

test('any bytes are a record or an error, never a crash or a hang', () => {
  const sound = Buffer.from(encodeCommit(commit, [encoded([['map', 'key', 1]], { open: '1' }, 5)]))
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (flips) => {
      const flipped = Buffer.from(sound)
      for (const [at, byte] of flips) flipped[at] = byte
      try {
        decodeEntry(flipped, 0)
      } catch (error) {
        assert.ok(error instanceof CheckpointError, String(error))
      }
    }),
    { numRuns: 2_000 },
  )
})

test('reigns are compared by epoch, then by attempt', () => {
  assert.ok(compareReigns([2, 0], [1, 9]) > 0)
  assert.ok(compareReigns([2, 1], [2, 2]) < 0)
  assert.equal(compareReigns([2, 2], [2, 2]), 0)
})
