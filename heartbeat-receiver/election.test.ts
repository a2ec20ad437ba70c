import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compareReigns } from '../checkpoint/record.ts'
import { elect } from './election.ts'
import { heartbeatIntervalMs } from './heartbeat-rate.ts'
import { journalGrowth } from './journal-extent.ts'
import { createBackend, type KnownBackend, setBack } from './known-backend.ts'
import type { Heartbeat } from './protocol.ts'

interface Candidate extends Partial<Heartbeat> {
  weight?: number
  growth?: number
  alive?: boolean
  connected?: boolean
  setbacks?: number
  reported?: boolean
}

const nowMs = 100_000
const rules = { nowMs, reportMemoryMs: 5_000 }

/** Backends named by their keys, in order of seniority. */
function backends(candidates: { [name: string]: Candidate }): KnownBackend[] {
  return Object.entries(candidates).map(([name, candidate], seniority) => {
    const {
      weight = 1,
      growth = 0,
      alive = true,
      connected = true,
      setbacks = 0,
      reported = false,
      ...status
    } = candidate
    const backend = createBackend(
      { name, incarnation: `${name}-1`, url: `http://${name}`, weight, direct: true, exactlyOnce: true },
      { connection: connected ? seniority : null, seniority, intervalMs: 100, nowMs },
    )
    backend.status = {
      ...{ type: 'heartbeat', sequence: 1, phase: 'standby', reign: [0, 0], journalReign: [0, 0], offset: 0, lag: 0 },
      ...{ unsettledMs: 0, journalReachable: true, inFlight: 0, eventLoopDelayMs: 0, ...status },
    }
    backend.growth = growth
    if (!alive) backend.liveness = { state: 'suspected', evidence: 'closed', reason: '', sinceMs: nowMs }
    for (let count = 0; count < setbacks; count++) setBack(backend, nowMs - 1)
    if (reported) backend.reported = { by: 'b', sinceMs: nowMs - 100, lastMs: nowMs - 100 }
    return backend
  })
}

const table: [rule: string, candidates: { [name: string]: Candidate }, chosen: string | undefined][] = [
  ['nobody of none', {}, undefined],
  ['the most senior of equals', { a: {}, b: {} }, 'a'],
  ['the heaviest of those level in the journal', { a: {}, b: { weight: 2 }, c: { weight: 2 } }, 'b'],
  ['the furthest in the journal, however light', { a: { offset: 10, weight: 9 }, b: { offset: 11, weight: 0.1 } }, 'b'],
  [
    'those level that one heartbeat cannot tell apart',
    { a: { offset: 95, growth: 10, weight: 2 }, b: { offset: 100 } },
    'a',
  ],
  ['not one that is further behind than that', { a: { offset: 89, growth: 10, weight: 2 }, b: { offset: 100 } }, 'b'],
  ['the heavier of those equally far, though only one has seen the end', { a: { lag: 500 }, b: { weight: 2 } }, 'b'],
  [
    'one that is abreast before a heavier one that says it is behind',
    { a: { weight: 9, lag: 500 }, b: { offset: 500 } },
    'b',
  ],
  [
    'one that is abreast before a heavier one that another knows to be behind: its own look at the end is old',
    { a: { weight: 9, offset: 100 }, b: { phase: 'starting', offset: 0, lag: 600 }, c: { offset: 600 } },
    'c',
  ],
  [
    'one that failed once and is abreast before one that is behind',
    { a: { setbacks: 1, offset: 500 }, b: { lag: 500 } },
    'a',
  ],
  [
    'one that is behind before an abreast one that failed again',
    { a: { setbacks: 2, offset: 500 }, b: { lag: 500 } },
    'b',
  ],
  [
    'one that is behind before an abreast one that balancers cannot reach',
    { a: { reported: true, offset: 500 }, b: { lag: 500 } },
    'b',
  ],
  [
    'the furthest if all are behind, however light',
    { a: { offset: 100, lag: 900, weight: 9 }, b: { offset: 200, lag: 800 }, c: { offset: 150, lag: 850 } },
    'b',
  ],
  [
    'the furthest if all are behind, as only one that starts can tell, though no heartbeat tells the two apart',
    { a: { offset: 100, weight: 9, growth: 10 }, b: { offset: 105 }, c: { phase: 'starting', lag: 600 } },
    'b',
  ],
  ['of those behind and equally far the one that did not fail', { a: { lag: 900, setbacks: 1 }, b: { lag: 900 } }, 'b'],
  [
    'none for what a dead one knew: it may have read a journal that is no more',
    { a: { offset: 1_000, alive: false }, b: { offset: 5, weight: 2, growth: 5 }, c: { offset: 10 } },
    'b',
  ],
  ['never one that is starting', { a: { phase: 'starting' } }, undefined],
  ['never one that is restoring, however far it says it is', { a: { phase: 'starting', offset: 900 }, b: {} }, 'b'],
  ['never one that is stopping', { a: { phase: 'stopping' }, b: {} }, 'b'],
  ['never one that is suspected', { a: { alive: false }, b: { offset: 0 } }, 'b'],
  ['never one without a connection', { a: { connected: false } }, undefined],
  ['one that can reach its journal before one that cannot', { a: { journalReachable: false }, b: {} }, 'b'],
  ['one that cannot reach its journal before nobody', { a: { journalReachable: false } }, 'a'],
  ['one that did not fail before', { a: { setbacks: 1 }, b: {} }, 'b'],
  ['one that failed once before nobody, at once', { a: { setbacks: 1 } }, 'a'],
  ['nobody while the only one failed again and again', { a: { setbacks: 2 } }, undefined],
  ['one that balancers can reach', { a: { reported: true }, b: {} }, 'b'],
  [
    'the holder of the highest reign, whatever else',
    { a: { offset: 50, journalReign: [3, 0] }, b: { phase: 'active', reign: [3, 0], journalReign: [3, 0] } },
    'b',
  ],
  [
    'never a zombie that still thinks it leads',
    { a: { phase: 'active', reign: [2, 0], journalReign: [2, 0] }, b: { journalReign: [3, 0] } },
    'b',
  ],
]

describe('election chooses', () => {
  for (const [rule, candidates, chosen] of table) {
    it(rule, () => assert.equal(elect(backends(candidates), rules)?.hello.name, chosen))
  }

  it('never the one that is excepted', () => {
    assert.equal(elect(backends({ a: {}, b: {} }), { ...rules, except: 'a-1' })?.hello.name, 'b')
  })

  it('the same whatever the order in which backends are looked at', () => {
    const candidate = fc.record({
      offset: fc.integer({ min: 0, max: 30 }),
      growth: fc.integer({ min: 0, max: 10 }),
      weight: fc.integer({ min: 1, max: 3 }),
      journalReachable: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.tuple(candidate, candidate, candidate, candidate), ([a, b, c, d]) => {
        const all = backends({ a, b, c, d })
        const chosen = elect(all, rules)?.hello.name
        assert.equal(elect(all.toReversed(), rules)?.hello.name, chosen)
        assert.equal(elect([all[2]!, all[0]!, all[3]!, all[1]!], rules)?.hello.name, chosen)
      }),
    )
  })
})

describe('the growth of the journal, from two heartbeats of one backend', () => {
  const beat = (offset: number, lag: number, phase: Heartbeat['phase'] = 'standby') =>
    backends({ a: { offset, lag, phase } })[0]!.status!
  const growth: [rule: string, before: Heartbeat, after: Heartbeat, gapMs: number, records: number][] = [
    ['is what one that is abreast has read', beat(100, 0), beat(150, 0), 100, 50],
    ['is not what one has read that catches up: only the end counts', beat(100, 9_900), beat(5_100, 4_950), 100, 50],
    ['is not the end that one finds again after an outage', beat(100, 0), beat(100, 9_900), 100, 0],
    ['is what a slow one has read: more it cannot confirm', beat(100, 100), beat(110, 190), 100, 10],
    ['is a share of what was read over a longer time', beat(100, 0), beat(600, 0), 1_000, 50],
    ['is no more than what was read over a shorter time', beat(100, 0), beat(105, 0), 10, 5],
    ['is not told by one that was starting', beat(0, 0, 'starting'), beat(5_000, 0), 100, 0],
    ['is not told by one that is starting', beat(0, 0, 'starting'), beat(5_000, 100, 'starting'), 100, 0],
    ['is nothing where records went', beat(100, 0), beat(50, 0), 100, 0],
  ]
  for (const [rule, before, after, gapMs, records] of growth)
    it(rule, () => assert.equal(journalGrowth(before, after, gapMs, 100), records))
})

describe('reigns', () => {
  it('are compared by epoch, then by attempt', () => {
    const sorted = [
      [1, 0],
      [1, 2],
      [2, 0],
      [10, 0],
    ] as const
    assert.deepEqual(sorted.toReversed().toSorted(compareReigns), sorted)
  })
})

describe('heartbeat interval', () => {
  it('is the configured one for a small fleet and doubles with a large one, so that the load is bounded', () => {
    assert.deepEqual(
      [1, 500, 501, 1_000, 1_001, 10_000].map((count) => heartbeatIntervalMs(100, count)),
      [100, 100, 200, 200, 400, 3_200],
    )
    for (const count of [1, 499, 777, 5_000, 16_384])
      assert.ok((count / heartbeatIntervalMs(20, count)) * 1_000 <= 5_000)
  })
})
