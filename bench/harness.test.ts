import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Contender, orderOf, rowsOf, runRounds, valuesOf } from './harness.ts'

const signal = new AbortController().signal

function contender(name: string, journal: string[]): Contender {
  return {
    name,
    validate: async () => void journal.push(`validate ${name}`),
    measure: async (round) => {
      journal.push(`${round} ${name}`)
      return { rate: round + 1 }
    },
  }
}

test('all contenders are validated before any is timed', async () => {
  const journal: string[] = []
  await runRounds([contender('a', journal), contender('b', journal)], 1, { signal, onSample: () => {} })
  assert.deepEqual(journal.slice(0, 2), ['validate a', 'validate b'])
})

test('a contender that answers wrongly is never timed, nor is any other', async () => {
  const journal: string[] = []
  const wrong = { ...contender('b', journal), validate: async () => assert.fail('wrong answer') }
  await assert.rejects(runRounds([contender('a', journal), wrong], 1, { signal, onSample: () => {} }), /wrong answer/)
  assert.deepEqual(journal, ['validate a'])
})

test('any error under load fails the run', async () => {
  const journal: string[] = []
  const failing = { ...contender('b', journal), measure: async () => assert.fail('503') }
  await assert.rejects(runRounds([contender('a', journal), failing], 3, { signal, onSample: () => {} }), /503/)
})

test('each round measures everybody once, and nobody always comes first', () => {
  const all = ['a', 'b', 'c', 'd']
  const orders = all.map((_, round) => orderOf(all, round))
  for (const order of orders) assert.deepEqual([...order].sort(), all)
  assert.ok(new Set(orders.map(([first]) => first)).size > 1)
  // In one direction only, each would always follow the same neighbour.
  const before = (order: string[], name: string) => order[order.indexOf(name) - 1]
  for (const name of all) {
    const neighbours = orders.map((order) => before(order, name)).filter((neighbour) => neighbour !== undefined)
    assert.ok(new Set(neighbours).size > 1, `${name} always follows ${neighbours[0]}`)
  }
})

test('an abort ends the run between two measurements', async () => {
  const ending = new AbortController()
  const journal: string[] = []
  const options = { signal: ending.signal, onSample: () => ending.abort(new Error('enough')) }
  await assert.rejects(runRounds([contender('a', journal)], 5, options), /enough/)
  assert.deepEqual(journal, ['validate a', '0 a'])
})

test('values come in the order of the rounds, and rows hold their median and ends', async () => {
  const samples = await runRounds([contender('a', [])], 3, { signal, onSample: () => {} })
  assert.deepEqual(valuesOf(samples, 'a', 'rate'), [1, 2, 3])
  assert.deepEqual(rowsOf(samples, [{ metric: 'rate', title: '', unit: 'requests/s' }]), [
    { name: 'a', unit: 'requests/s', median: 2, min: 1, max: 3 },
  ])
  assert.throws(() => valuesOf(samples, 'a', 'p50'), RangeError)
})
