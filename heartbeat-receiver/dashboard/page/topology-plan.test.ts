import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cardCentres, columnHeight, link } from './topology-plan.ts'

const column = { count: 3, cardHeight: 100, gap: 20 }

test('cards are centred in the height of the tallest column', () => {
  assert.equal(columnHeight(column), 340)
  assert.deepEqual(cardCentres(column, 340), [50, 170, 290])
  assert.deepEqual(cardCentres({ ...column, count: 1 }, 340), [170])
  assert.deepEqual(cardCentres({ ...column, count: 0 }, 340), [])
  assert.equal(columnHeight({ ...column, count: 0 }), 0)
})

test('a line leaves and arrives level, across the whole gap', () => {
  assert.equal(link(50, 170.04), 'M0 50C50 50 50 170 100 170')
})
