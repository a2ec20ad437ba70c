import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleAtMs, sampleBoard } from '../sample-board.ts'
import { laneBlocks, laneStretchMs, laneTicks } from './reign-lane.ts'

const minute = 60_000
const { reigns } = sampleBoard()

test('the stretch is the shortest that holds the last changes', () => {
  assert.equal(laneStretchMs(reigns, sampleAtMs), 2 * minute)
  assert.equal(laneStretchMs(reigns, sampleAtMs + minute), 5 * minute)
  assert.equal(laneStretchMs([], sampleAtMs), 2 * minute)
  assert.equal(laneStretchMs(reigns, sampleAtMs + 365 * 24 * 60 * minute), 24 * 60 * minute)
})

test('a block reaches from readiness to the end of the reign, the last to now; older than the stretch is left out', () => {
  const blocks = laneBlocks(reigns, sampleAtMs, 2 * minute)
  assert.deepEqual(
    blocks.map(({ epoch, open, planned, change }) => ({ epoch, open, planned, change })),
    [
      { epoch: 6, open: false, planned: false, change: false },
      { epoch: 7, open: false, planned: true, change: true },
      { epoch: 8, open: true, planned: false, change: true },
    ],
  )
  const [first, second, third] = blocks
  assert.equal(first!.left, 0)
  assert.ok(Math.abs(first!.left + first!.width - 25) < 0.1)
  assert.ok(Math.abs(second!.left - 25) < 0.1)
  const readyAgoMs = sampleAtMs - reigns[1]!.readyAtMs!
  assert.ok(Math.abs(second!.left - 100 * (1 - readyAgoMs / (2 * minute))) < 1e-9)
  assert.ok(Math.abs(third!.left + third!.width - 100) < 0.001)
  assert.deepEqual(
    laneBlocks(reigns, sampleAtMs, minute).map(({ epoch }) => epoch),
    [7, 8],
  )
})

test('ticks run from the beginning of the stretch to now', () => {
  const ticks = laneTicks(2 * minute)
  assert.deepEqual(ticks.at(0), { left: 0, text: '−2 min' })
  assert.deepEqual(ticks.at(3), { left: 75, text: '−30 s' })
  assert.deepEqual(ticks.at(-1), { left: 100, text: 'now' })
})
