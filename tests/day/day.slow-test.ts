import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needsKafka } from '../needs.ts'
import { type DayReport, type DaySettings, describeDay, runDay } from './day.ts'
import { startOfficeTown } from './office-town.ts'
import { startShopTown } from './shop-town.ts'
import type { Town } from './town.ts'

/** A short day; `node tests/day/main.ts` runs longer ones. */
async function dayOf(town: Town, settings: Partial<DaySettings>) {
  try {
    const happened: string[] = []
    const tell = (line: string) => void happened.push(line)
    const report = await runDay(town, { seed: 7, durationMs: 10_000, rateMax: 100, apartMs: 1_500, tell, ...settings })
    const said = [describeDay(report), ...happened].join('\n')
    return { ...report, said, requests: sumOf(report, 'requests'), stale: sumOf(report, 'stale') }
  } finally {
    await town.stop()
  }
}

function sumOf({ phases }: DayReport, what: 'requests' | 'stale'): number {
  return phases.reduce((sum, phase) => sum + phase[what], 0)
}

test('a day of servers without state, which crash, hang, slow down, come and go under every strategy: no error', async () => {
  const { errors, requests, happened, said } = await dayOf(await startShopTown(), {})
  assert.deepEqual(errors, [], said)
  assert.ok(requests > 300 && happened.length >= 14, said)
})

test(
  'a day of ticket offices, whose active crashes, hangs and hands over, with reads to standbys: no error, and each write once',
  needsKafka,
  async () => {
    const kinds = ['kill active', 'stop active', 'stop standby', 'remove standby', 'hand over']
    const { errors, audit, counted, requests, stale, said } = await dayOf(await startOfficeTown(), {
      kinds,
      seed: 3, // its standby hangs at noon, when it is sure to be asked
      rateMax: 150,
    })
    assert.deepEqual([errors, audit], [[], null], said)
    assert.ok(requests > 300 && counted > 10 && stale > requests / 10, said)
  },
)
