import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyOf } from '../../compose/load/verify.ts'
import { HotKeys } from './hot-keys.ts'

const operations = (run: string, seed: number) => {
  const keys = new HotKeys(run, seed)
  return Array.from({ length: 600 }, () => keys.next())
}

test('the same seed sends the same, another does not', () => {
  assert.deepEqual(operations('a', 1), operations('a', 1))
  assert.notDeepEqual(operations('a', 1), operations('a', 2))
})

test('half are writes, on so few keys that they meet, and all kinds come', () => {
  const all = operations('a', 1)
  const writes = all.filter(({ op }) => !op.startsWith('read-'))
  assert.ok(writes.length > 250 && writes.length < 350, `${writes.length}`)
  assert.equal(new Set(all.flatMap((operation) => ('counter' in operation ? operation.counter : []))).size, 2)
  assert.equal(new Set(all.flatMap((operation) => ('register' in operation ? operation.register : []))).size, 3)
  assert.equal(new Set(all.map(({ op }) => op)).size, 7, 'all but cancels, for nothing was booked')
})

test('who only reads gets only reads', () => {
  const keys = new HotKeys('a', 1)
  assert.ok(Array.from({ length: 100 }, () => keys.next('read')).every(({ op }) => op.startsWith('read-')))
})

test('runs share no key, and no value is written twice', () => {
  const all = operations('a', 1)
  assert.ok(all.every((operation) => keyOf(operation).startsWith('a-')))
  const values = all.flatMap((operation) =>
    'value' in operation ? operation.value : 'user' in operation ? operation.user : [],
  )
  assert.equal(new Set(values).size, values.length)
})

test('only a seat known to be booked is cancelled, and once', () => {
  const keys = new HotKeys('a', 1)
  const booked = new Set<string>()
  let cancels = 0
  for (let turn = 0; turn < 2_000; turn++) {
    const operation = keys.next()
    if (operation.op === 'cancel') {
      cancels++
      assert.ok(booked.delete(operation.seat), operation.seat)
    }
    if (operation.op !== 'book' || operation.seat.includes('-wanted-')) continue
    booked.add(operation.seat)
    const answer = { type: 'booking', user: operation.user, id: 'x' } as const
    keys.learn({ operation, outcome: { type: 'answered', answer } })
  }
  assert.ok(cancels > 10)
})
