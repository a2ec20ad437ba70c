import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it, test } from 'node:test'
import { arrivalsOf, daySeconds, spike } from './day.ts'
import { ratePerReplica, replay, spawnDelaySeconds } from './replay.ts'
import { replayedDays } from './table.ts'

describe('a replayed day', () => {
  it('is the same for the same seed, and another for another', () => {
    const day = arrivalsOf(1, true)
    assert.equal(day.length, daySeconds)
    assert.deepEqual(day, arrivalsOf(1, true))
    assert.notDeepEqual(day, arrivalsOf(2, true))
  })

  it('has its crowd only where one is asked for', () => {
    const mean = (day: number[], from: number) => day.slice(from, from + 60).reduce((sum, one) => sum + one, 0) / 60
    const [with1, without] = [arrivalsOf(1, true), arrivalsOf(1, false)]
    assert.deepEqual(with1.slice(0, spike.startSecond), without.slice(0, spike.startSecond))
    const ratio = mean(with1, spike.startSecond + 60) / mean(without, spike.startSecond + 60)
    assert.ok(Math.abs(ratio - spike.factor) < 0.1, `${ratio}`)
  })
})

describe('what is counted', () => {
  const flat = (rate: number, seconds = 200) => [new Array<number>(seconds).fill(rate)]

  it('enough servers: no second is overloaded, and each second of each server is paid for', () => {
    const { overloadedSeconds, replicaHours } = replay(flat(4 * ratePerReplica), () => 4, 4)
    assert.equal(overloadedSeconds, 0)
    assert.equal(Math.round(replicaHours * 3_600), 800)
  })

  it('a spawned server serves only after its delay, and is paid for at once', () => {
    const day = flat(2 * ratePerReplica)
    const { overloadedSeconds, replicaHours } = replay(day, () => 3, 1)
    // Five seconds to the first sample, the delay, and as long again for a spare server to work off what waited, up to patience.
    assert.ok(overloadedSeconds >= 5 + spawnDelaySeconds && overloadedSeconds <= 5 + spawnDelaySeconds + 11)
    assert.equal(Math.round(replicaHours * 3_600), 5 + 195 * 3)
  })

  it('too few: every second is overloaded', () => {
    assert.equal(replay(flat(101), () => 2, 2).overloadedSeconds, 200)
  })
})

test('the table in the docs is the one that is printed', async () => {
  const page = await readFile(new URL('../../docs/analysis/replicas.md', import.meta.url), 'utf8')
  assert.ok(page.includes(replayedDays()), 'run node bench/replayed-day/main.ts and put its table there')
})
