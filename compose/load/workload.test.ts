import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, isWrite, type Operation } from './operations.ts'
import { Workload } from './workload.ts'

function workload(part: Partial<ConstructorParameters<typeof Workload>[0]> = {}): Workload {
  return new Workload({ run: 'run', seed: 1, writeRatio: 0.5, ...part })
}

const take = (source: Workload, count: number) => Array.from({ length: count }, () => source.next())
const answered = (operation: Operation, answer: Answer) =>
  ({ operation, outcome: { type: 'answered', answer } }) as const

test('the same seed gives the same operations, another seed others', () => {
  assert.deepEqual(take(workload(), 200), take(workload(), 200))
  assert.notDeepEqual(take(workload(), 200), take(workload({ seed: 2 }), 200))
})

test('the share of writes is as asked', () => {
  for (const writeRatio of [0, 0.2, 0.5, 1]) {
    const writes = take(workload({ writeRatio }), 4_000).filter(isWrite).length / 4_000
    assert.ok(Math.abs(writes - writeRatio) < 0.05, `${writes} instead of ${writeRatio}`)
  }
})

test('every value and every user is of one operation only', () => {
  const unique = take(workload(), 2_000).flatMap((operation) => {
    if (operation.op === 'book') return [operation.user]
    return 'value' in operation ? [operation.value] : []
  })
  assert.equal(new Set(unique).size, unique.length)
})

test('keys begin with the run, so that runs do not meet', () => {
  for (const operation of take(workload({ run: 'mine' }), 500))
    assert.match(JSON.stringify(operation), /"(seat|counter|register)":"mine-/)
})

test('a seat is cancelled only after its booking was acknowledged, and only once', () => {
  const source = workload({ writeRatio: 1 })
  const booked = new Set<string>()
  const cancelled: string[] = []
  for (const operation of take(source, 500)) assert.notEqual(operation.op, 'cancel')
  for (let turn = 0; turn < 3_000; turn++) {
    const operation = source.next()
    if (operation.op === 'cancel') {
      assert.ok(booked.has(operation.seat))
      cancelled.push(operation.seat)
    }
    if (operation.op !== 'book') continue
    booked.add(operation.seat)
    source.learn(answered(operation, { type: 'booking', user: operation.user, id: 'id' }))
  }
  assert.ok(cancelled.length > 50)
  assert.equal(new Set(cancelled).size, cancelled.length)
})

test('a compare-and-set mostly expects what was seen last', () => {
  const source = workload({ writeRatio: 1 })
  const values = new Map<string, { value: string; version: number }>()
  let expected = 0
  let all = 0
  for (let turn = 0; turn < 3_000; turn++) {
    const operation = source.next()
    if (operation.op !== 'put' && operation.op !== 'compare-and-set') continue
    const current = values.get(operation.register)
    if (operation.op === 'compare-and-set') {
      all++
      if (operation.expect === (current?.value ?? null)) expected++
      else continue
    }
    const made = { value: operation.value, version: (current?.version ?? 0) + 1 }
    values.set(operation.register, made)
    source.learn(answered(operation, { type: 'register', ...made }))
  }
  assert.ok(expected / all > 0.8 && expected < all)
})
