import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PeakEwma, PeakEwmaStrategy } from './peak-ewma.ts'
import { alike, choiceOf, member, seeded, type TestMember, tally } from './test-members.ts'

describe('the latency of a member', () => {
  it('takes a peak in full, and better times by and by', () => {
    const latency = new PeakEwma(1_000)
    latency.record(10, 0)
    latency.record(500, 0)
    assert.equal(latency.costMs(0, 0), 500)
    latency.record(10, 500)
    assert.ok(Math.abs(latency.costMs(0, 500) - (10 + 490 * Math.exp(-0.5))) < 1e-9)
    latency.record(10, 20_000)
    assert.ok(latency.costMs(0, 20_000) < 10.01)
  })

  it('fades while nothing is heard, by a time of its own', () => {
    const latency = new PeakEwma(1_000)
    latency.record(500, 0)
    assert.ok(Math.abs(latency.costMs(0, 1_000) - 500 / Math.E) < 1e-9)
  })

  it('costs as much more as there are requests before the next', () => {
    const latency = new PeakEwma()
    latency.record(20, 0)
    assert.equal(latency.costMs(4, 0), 100)
  })

  it('is never below the best that was heard, nor above the worst, when it is heard', () => {
    const times = fc.array(fc.record({ latencyMs: fc.integer({ min: 1, max: 1_000 }), waitMs: fc.nat(5_000) }), {
      minLength: 1,
    })
    fc.assert(
      fc.property(times, (given) => {
        const latency = new PeakEwma(1_000)
        let nowMs = 0
        for (const { latencyMs, waitMs } of given) {
          nowMs += waitMs
          latency.record(latencyMs, nowMs)
          assert.ok(latency.costMs(0, nowMs) >= latencyMs - 1e-9)
        }
        const heard = given.map(({ latencyMs }) => latencyMs)
        assert.ok(latency.costMs(0, nowMs) >= Math.min(...heard) - 1e-9)
        assert.ok(latency.costMs(0, nowMs) <= Math.max(...heard) + 1e-9)
      }),
    )
  })
})

/** A run of requests, one each millisecond, to members whose latency follows from name and time. */
class Run {
  readonly members: TestMember[]
  nowMs = 0
  /** To whom each request went, in order. */
  readonly sent: { name: string; atMs: number }[] = []
  readonly #latencyMs: (name: string, nowMs: number) => number
  readonly #strategy = new PeakEwmaStrategy()
  readonly #random = seeded(11)
  #open: { to: TestMember; atMs: number; tookMs: number }[] = []

  constructor(members: TestMember[], latencyMs: (name: string, nowMs: number) => number) {
    this.members = members
    this.#latencyMs = latencyMs
  }

  runFor(lengthMs: number): void {
    for (const endMs = this.nowMs + lengthMs; this.nowMs < endMs; this.nowMs++) {
      this.#open = this.#open.filter(({ to, atMs, tookMs }) => {
        if (atMs + tookMs > this.nowMs) return true
        to.inFlight -= 1
        to.latency.record(tookMs, this.nowMs)
        return false
      })
      const to = this.#strategy.choose(choiceOf(this.members, { nowMs: this.nowMs, random: this.#random }))!
      to.inFlight += 1
      this.sent.push({ name: to.name, atMs: this.nowMs })
      this.#open.push({ to, atMs: this.nowMs, tookMs: this.#latencyMs(to.name, this.nowMs) })
    }
  }

  shares(fromMs: number): Record<string, number> {
    return tally(this.sent.filter(({ atMs }) => atMs >= fromMs).map(({ name }) => name))
  }
}

describe('peak EWMA', () => {
  it('leaves a member that turns slow within a few requests, and comes back when it is quick again', (t) => {
    const slowly = (name: string, nowMs: number) => (name === 'a00' && nowMs >= 2_000 && nowMs < 4_000 ? 400 : 5)
    const run = new Run(alike(3), slowly)
    run.runFor(2_000)
    assert.ok(run.shares(1_000).a00! > 200, 'a fair share while all are quick')
    run.runFor(2_000)
    const toSlow = run.shares(2_000).a00 ?? 0
    // What it costs to see it: it fills up to where the queue alone makes it dear, before its first slow answer.
    t.diagnostic(`${toSlow} requests went to the slow one in two seconds, of one each millisecond`)
    assert.ok(toSlow <= 8, `${toSlow} requests went to the slow one`)
    run.runFor(60_000)
    assert.ok(run.shares(run.nowMs - 2_000).a00! > 400, 'a fair share again')
  })

  it('asks a newcomer once, and no more before it has answered', () => {
    const members = alike(3)
    const run = new Run(members, (name) => (name === 'new' ? 300 : 5))
    run.runFor(500)
    members.push(member('new'))
    run.runFor(299)
    assert.equal(run.shares(500).new, 1)
  })

  it('spreads the first requests over members of whom nothing is known', () => {
    const members = alike(4)
    const run = new Run(members, () => 1_000)
    run.runFor(200)
    for (const { inFlight } of members) assert.ok(inFlight >= 48 && inFlight <= 52, `${inFlight}`)
  })

  it('gives quicker members more, and slower ones still some', () => {
    const run = new Run(alike(3), (name) => (name === 'a00' ? 60 : 20))
    run.runFor(20_000)
    const shares = run.shares(5_000)
    assert.ok(shares.a00! < shares.a01! / 2 && shares.a00! > 500, JSON.stringify(shares))
  })

  it('takes heavier members for as much quicker', () => {
    const strategy = new PeakEwmaStrategy()
    const members = [member('heavy', 10), member('light', 1)]
    members[0]!.latency.record(50, 0)
    members[1]!.latency.record(10, 0)
    assert.equal(strategy.choose(choiceOf(members))?.name, 'heavy')
  })

  it('of two that may always takes the cheaper', () => {
    const strategy = new PeakEwmaStrategy()
    const random = seeded(5)
    const costs = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 2, maxLength: 40 })
    fc.assert(
      fc.property(costs, fc.nat(), fc.nat(), (given, one, other) => {
        const members = alike(given.length)
        for (const [index, cost] of given.entries()) members[index]!.latency.record(cost, 0)
        const pair = [one % given.length, other % given.length]
        const may = (found: TestMember) => pair.includes(members.indexOf(found))
        const chosen = strategy.choose(choiceOf(members, { may, random }))!
        assert.equal(given[members.indexOf(chosen)], Math.min(...pair.map((index) => given[index]!)))
      }),
    )
  })
})
