import assert from 'node:assert/strict'
import { test } from 'node:test'
import { History } from './history.ts'
import type { Invocation } from './operation.ts'

const get: Invocation = { model: 'counter', key: 'k', call: { name: 'get' } }

test('what happened one after the other has times one after the other, though the clock stands still', () => {
  const history = new History(() => 5)
  history.call('ann', get).finish({ value: 0 })
  history.call('bob', get).finish({ value: 0 })
  const [first, second] = history.operations()
  assert.ok(first!.startMs < first!.endMs)
  assert.ok(first!.endMs < second!.startMs)
})

test('an operation that never returned, or returned with no known outcome, may take effect for ever after', () => {
  const history = new History(() => 0)
  history.call('ann', get)
  history.call('bob', get).finish('unknown')
  for (const { result, endMs } of history.operations()) {
    assert.equal(result, 'unknown')
    assert.equal(endMs, Number.POSITIVE_INFINITY)
  }
})

test('only the first word on an operation counts', () => {
  const history = new History(() => 0)
  const pending = history.call('ann', get)
  pending.finish({ value: 1 })
  pending.finish('unknown')
  assert.deepEqual(history.operations()[0]!.result, { value: 1 })
})
