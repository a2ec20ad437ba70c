import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CheckpointError } from './errors.ts'
import {
  type Commit,
  compareReigns,
  decodeEntry,
  encodeClaim,
  encodeCommit,
  recordVersion,
  type Transaction,
} from './record.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const commit: Omit<Commit, 'transactions'> = {
  type: 'commit',
  version: recordVersion,
  reign: [2, 1],
  incarnation: 'i',
  at: 5,
  digest: '0'.repeat(32),
}

test('what is encoded is decoded, whatever the keys and values', () => {
  const change = fc.oneof(fc.tuple(fc.string(), fc.string(), fc.jsonValue()), fc.tuple(fc.string(), fc.string()))
  fc.assert(
    fc.property(fc.array(fc.record({ changes: fc.array(change), response: fc.jsonValue() })), (transactions) => {
      const asJson = JSON.parse(JSON.stringify(transactions)) as Transaction[]
      const value = encodeCommit(
        commit,
        transactions.map((transaction) => JSON.stringify(transaction)),
      )
      assert.deepEqual(decodeEntry(value, 0), { ...commit, transactions: asJson })
    }),
  )
  const claim = { ...commit, type: 'claim', node: 'n', url: 'http://h:1', through: 7 } as const
  assert.deepEqual(decodeEntry(encodeClaim(claim), 0), claim)
})

test('whatever is not a sound record of a known type and version is refused with its offset', () => {
  const sound = JSON.parse(new TextDecoder().decode(encodeCommit(commit, []))) as Record<string, unknown>
  const table: [string, Uint8Array][] = [
    ['nothing', bytes('')],
    ['not JSON', bytes('{"type":')],
    ['not UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['null', bytes('null')],
    ['an array', bytes('[]')],
    ['an unknown type', bytes(JSON.stringify({ ...sound, type: 'merge' }))],
    ['a newer version', bytes(JSON.stringify({ ...sound, version: recordVersion + 1 }))],
    ['no version', bytes(JSON.stringify({ ...sound, version: undefined }))],
    ['a reign of one number', bytes(JSON.stringify({ ...sound, reign: [1] }))],
    ['a negative epoch', bytes(JSON.stringify({ ...sound, reign: [-1, 0] }))],
    ['no incarnation', bytes(JSON.stringify({ ...sound, incarnation: '' }))],
    ['a change of one part', bytes(JSON.stringify({ ...sound, transactions: [{ changes: [['map']] }] }))],
    ['a change of four parts', bytes(JSON.stringify({ ...sound, transactions: [{ changes: [['m', 'k', 1, 2]] }] }))],
    ['a transaction that is a number', bytes(JSON.stringify({ ...sound, transactions: [1] }))],
  ]
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

test('reigns are compared by epoch, then by attempt', () => {
  assert.ok(compareReigns([2, 0], [1, 9]) > 0)
  assert.ok(compareReigns([2, 1], [2, 2]) < 0)
  assert.equal(compareReigns([2, 2], [2, 2]), 0)
})
