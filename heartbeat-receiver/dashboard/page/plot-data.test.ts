import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trafficIntervalMs } from '../board.ts'
import { sampleAtMs, sampleBoard } from '../sample-board.ts'
import { plotColumns, plotKinds, plotMarks, plotText, thinned } from './plot-data.ts'

const { traffic, reigns } = sampleBoard()
const [rate, latency] = plotKinds

test('a column for time and one for each series, as long as each other', () => {
  const columns = plotColumns(traffic, latency!.series)
  assert.deepEqual(
    columns.map((column) => column.length),
    [traffic.length, traffic.length, traffic.length],
  )
  assert.equal(columns[0]!.at(-1), sampleAtMs / 1_000)
  assert.equal(columns[2]!.at(-1), traffic.at(-1)!.p99Ms)
})

test('where nothing was told for long there is a gap, and no line across it', () => {
  const [first, ...rest] = traffic
  const columns = plotColumns([{ ...first!, atMs: first!.atMs - 60_000 }, ...rest], rate!.series)
  assert.equal(columns[0]!.length, traffic.length + 1)
  assert.equal(columns[1]![1], null)
  assert.equal(columns[0]![1], (first!.atMs - 60_000 + trafficIntervalMs) / 1_000)
})

test('changes of active are marked where the first evidence was; a beginning is none', () => {
  assert.deepEqual(plotMarks(reigns), [
    { x: (sampleAtMs - 90_012) / 1_000, label: 'epoch 7', planned: true },
    { x: (sampleAtMs - 2_000) / 1_000, label: 'epoch 8', planned: false },
  ])
})

test('in words: now, least and most of each series, and over how long', () => {
  assert.equal(
    plotText(rate!, traffic),
    'answered: now 995 requests/s, least 952 requests/s, most 1,001 requests/s; errors: now 0 requests/s, least 0 requests/s, most 0 requests/s; over the last 1 min.',
  )
  assert.match(plotText(latency!, traffic), /p99: now \S+ ms, least 6.0 ms, most 31 ms/)
  assert.equal(plotText(rate!, []), 'No balancer has told figures yet.')
})

test('the table has the newest first, one row for each stretch of time', () => {
  const rows = thinned(traffic, 5_000, 4)
  assert.deepEqual(
    rows.map(({ atMs }) => sampleAtMs - atMs),
    [0, 5_000, 10_000, 15_000],
  )
})
