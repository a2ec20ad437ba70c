import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsPage, median, type Outcome } from './report.ts'
import { rows } from './rows/table.ts'

const machine = { processors: 2, memoryGiB: 8, node: '26.10.0', kafka: '4.3.0', network: 'namespaces' } as const
const [first, second] = rows
const outcome = (pauseMs: number, violations: Outcome['violations'] = {}): Outcome => ({
  ...{ row: first!.name, requests: 100, drops: 0, refusals: 0, tookMs: 1, pauseMs, violations },
})

test('a row of the page tells its runs, what was violated, and the pauses', () => {
  const page = faultsPage([first!, second!], [outcome(10.4), outcome(30, { error: 2, lost: 1 }), outcome(20)], machine)
  const lines = page.split('\n').filter((line) => line.startsWith('| active'))
  assert.deepEqual(lines, [
    `| ${first!.name} | ${first!.event} | ${first!.promise} | 3 | 2 | 1 | 0 | 0 | 0 | 20 ms | 30 ms |`,
    `| ${second!.name} | ${second!.event} | ${second!.promise} | 0 | – | – | – | – | – | – | – |`,
  ])
  assert.match(page, /3 runs, 300 operations, 2 processors, 8 GiB of memory; Node 26\.10\.0, Kafka 4\.3\.0\./)
})

test('the page bears no date: the same results make the same file', () => {
  assert.equal(faultsPage(rows, [outcome(1)], machine), faultsPage(rows, [outcome(1)], machine))
  assert.doesNotMatch(faultsPage(rows, [], machine), /20\d\d-/)
})

test('the median is the middle, or between the two in the middle', () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5])
})
