import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Block, countRepeats, pauseRatio, rowsOfBlocks } from './observations.ts'

const unknown = { detectedMs: null, decidedMs: null, readyMs: null, firstAnswerMs: null }
const block = (pauses: (number | null)[], more: Partial<Block> = {}): Block => ({
  requests: 100,
  errors: 0,
  errorCodes: {},
  runTwice: 0,
  failovers: pauses.map((pauseMs) => ({ ...unknown, pauseMs })),
  ...more,
})
const row = (blocks: Block[], title: string) => rowsOfBlocks('x', blocks).find(({ name }) => name === `x: ${title}`)

test('pauses are taken over all blocks', () => {
  const { median, min, max } = row([block([10, 30]), block([20])], 'pause')!
  assert.deepEqual({ median, min, max }, { median: 20, min: 10, max: 30 })
})

test('a failover that did not happen is counted, and is no pause of 0', () => {
  const blocks = [block([10, null])]
  assert.equal(row(blocks, 'pause')?.min, 10)
  assert.equal(row(blocks, 'failovers that did not happen')?.median, 1)
})

test('errors and requests that ran twice are added up', () => {
  const blocks = [block([1], { errors: 2, runTwice: 1 }), block([1], { errors: 3, runTwice: 4 })]
  assert.equal(row(blocks, 'errors, in all')?.median, 5)
  assert.equal(row(blocks, 'run twice, in all')?.median, 5)
})

test('what is lost is told only of those that keep state', () => {
  assert.equal(row([block([1])], 'lost, in all'), undefined)
  assert.equal(row([block([1], { lost: 2 })], 'lost, in all')?.median, 2)
})

test('a shorter pause than theirs is a ratio above 1', () => {
  assert.equal(pauseRatio([block([10])], [block([20])]), 2)
  assert.equal(pauseRatio([block([10])], [block([null])]), undefined)
})

test('a request noted three times was repeated twice', () => {
  assert.equal(countRepeats(['1', '2', '1', '3', '1']), 2)
})
