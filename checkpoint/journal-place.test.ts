import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { CheckpointError } from './errors.ts'
import { journalPlace } from './journal-place.ts'
import { journalPorts } from './open-journal.ts'

test('--kafka is a list of brokers, or one directory', () => {
  const table: [string[], ReturnType<typeof journalPlace>][] = [
    [['a:1', 'b:2'], { kind: 'kafka', brokers: ['a:1', 'b:2'] }],
    [['[::1]:9092'], { kind: 'kafka', brokers: ['[::1]:9092'] }],
    [['file:data'], { kind: 'file', directory: 'data' }],
    [['file:/var/lib/heartline'], { kind: 'file', directory: '/var/lib/heartline' }],
    [['file:///var/lib'], { kind: 'file', directory: '///var/lib' }],
  ]
  for (const [entries, place] of table) assert.deepEqual(journalPlace(entries), place)
})

test('what is no place for a journal is refused, and it is said what would be right', () => {
  const table: [string[], RegExp][] = [
    [[], /^expected HOST:PORT/],
    [['memory:'], /only tests have it; expected HOST:PORT/],
    [['memory:x', 'a:1'], /only tests have it/],
    [['file:'], /needs a directory/],
    [['file:a', 'b:1'], /stands alone/],
    [['a:1', 'file:b'], /stands alone/],
    [['file:~/data'], /in full/],
    [['/var/lib'], /^expected HOST:PORT/],
    [['http://a:1'], /^expected HOST:PORT/],
    [['a b'], /^expected HOST:PORT/],
  ]
  for (const [entries, problem] of table) {
    const place = journalPlace(entries)
    assert.equal(place.kind, 'wrong', entries.join())
    assert.match(place.kind === 'wrong' ? place.problem : '', problem)
  }
})

test('ports for what is no place are refused by whoever asks for them', () => {
  const log = pino({ level: 'silent' })
  assert.throws(
    () => journalPorts({ kafka: ['memory:'], topic: 't', clientId: 'c', log }),
    (error) =>
      error instanceof CheckpointError && error.code === 'JOURNAL_UNUSABLE' && /only tests/.test(error.message),
  )
})
