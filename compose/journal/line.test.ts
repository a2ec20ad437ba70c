import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Inspected } from '../../checkpoint/inspection.ts'
import { type Claim, decodeEntry, encodeClaim, encodeCommit, recordVersion } from '../../checkpoint/record.ts'
import { journalLine } from './line.ts'

const digest = 'd'.repeat(32)
const claim: Claim = {
  ...{ type: 'claim', version: recordVersion, reign: [3, 1], incarnation: 'a-1', node: 'a', url: 'http://a' },
  ...{ at: 183_845_678, through: 11, digest },
}
const inspected = (more: Partial<Inspected>): Inspected => ({
  ...{
    offset: 12,
    sizeBytes: 200,
    appendedAtMs: 1_700_000_000_123,
    entry: claim,
    node: 'a',
    verdict: 'valid',
    why: null,
  },
  ...more,
})

/** A commit of one transaction, from its parts. */
function commit(marks: object, response: string, changes: readonly [map: string, key: string, value?: string][]) {
  const none = 0xffffffff
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(value)
    return bytes
  }
  const marksText = Buffer.from(JSON.stringify(marks))
  const parts = [u32(marksText.length), u32(response.length), u32(changes.length), marksText, Buffer.from(response)]
  for (const [map, key, value] of changes)
    parts.push(
      u32(map.length),
      Buffer.from(map),
      u32(key.length),
      u32(value?.length ?? none),
      Buffer.from(key),
      Buffer.from(value ?? ''),
    )
  const block = Buffer.concat(parts)
  const head = { type: 'commit', version: recordVersion, reign: [3, 1], incarnation: 'a-1', at: 5, digest } as const
  return decodeEntry(encodeCommit(head, [{ block, start: 0, end: block.length }]), 12)
}

describe('a line of a record', () => {
  it('is one JSON object: where, what, by whom, when, and the verdict', () => {
    assert.equal(decodeEntry(encodeClaim(claim), 12).type, 'claim')
    assert.deepEqual(JSON.parse(journalLine(inspected({}))), {
      ...{ offset: 12, verdict: 'valid', type: 'claim', reign: [3, 1], node: 'a', incarnation: 'a-1' },
      ...{
        at: 183_845_678,
        journalTime: '2d 03:04:05.678',
        appendedAt: '2023-11-14T22:13:20.123Z',
        sizeBytes: 200,
        url: 'http://a',
        through: 11,
        digest,
      },
    })
    assert.ok(!journalLine(inspected({})).includes('\n'))
  })

  it('shows transactions with session and number, key, changes and response', () => {
    const entry = commit({ request: ['s', 7, 5], key: 'k', fingerprint: 'f' }, '{"status":201}', [
      ['seats', '12A', '{"user":"ann\\n"}'],
      ['seats', '1'],
    ])
    const line = journalLine(inspected({ entry, verdict: 'void', why: 'reign 3.1 is not the current 4.0' }))
    assert.ok(!line.includes('\n'))
    const { transactions, verdict, why } = JSON.parse(line)
    assert.deepEqual([verdict, why], ['void', 'reign 3.1 is not the current 4.0'])
    assert.deepEqual(transactions, [
      {
        ...{ session: 's', number: 7, lowestWaiting: 5, key: 'k', fingerprint: 'f' },
        changes: [
          ['seats', '12A', { user: 'ann\n' }],
          ['seats', '1'],
        ],
        response: { status: 201 },
      },
    ])
  })

  it('leaves out what is not known: the node of an unknown incarnation, when it was appended', () => {
    for (const appendedAtMs of [null, -1, 1e300]) {
      const line = JSON.parse(journalLine(inspected({ node: null, appendedAtMs, entry: { ...claim, at: 0 } })))
      assert.deepEqual([line.node, line.appendedAt, line.at], [undefined, undefined, 0])
      assert.equal(line.journalTime, '0d 00:00:00.000')
    }
  })

  it('says what cannot be read, with offset, size and why', () => {
    assert.deepEqual(
      JSON.parse(
        journalLine(inspected({ appendedAtMs: null, entry: null, node: null, verdict: 'unreadable', why: 'no' })),
      ),
      {
        ...{ offset: 12, verdict: 'unreadable', why: 'no', sizeBytes: 200 },
      },
    )
  })

  it('gives the verdict also of a record in which a value is no JSON text', () => {
    const line = JSON.parse(journalLine(inspected({ entry: commit({}, 'null', [['m', 'k', '{oops']]) })))
    assert.deepEqual([line.verdict, line.transactions], ['valid', undefined])
    assert.match(line.unreadable, /^a value in it is not JSON text: /)
  })
})
