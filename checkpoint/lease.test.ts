/** When a lease counts: a table, and a property beside the granter's side of the bargain. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Lease, type LeaseGrant } from './lease.ts'
import type { Moment } from './staleness.ts'

const at = (monotonicMs: number, wallMs = monotonicMs): Moment => ({ monotonicMs, wallMs })
const grant = (fields: Partial<LeaseGrant> = {}): LeaseGrant => ({ epoch: 5, forMs: 200, sentAt: at(1_000), ...fields })

function leaseOf(...grants: LeaseGrant[]): Lease {
  const lease = new Lease()
  for (const one of grants) lease.grant(one)
  return lease
}

test('a lease counts from when its heartbeat was sent, less a share for drift, and not before it is granted', () => {
  assert.equal(new Lease().holds(at(0), 0), false)
  const lease = leaseOf(grant())
  assert.equal(lease.holds(at(1_000), 5), true)
  assert.equal(lease.holds(at(1_196.9), 5), true)
  assert.equal(lease.holds(at(1_197), 5), false, '200 ms less 1 % and 1 ms')
})

test('a lease counts for the epoch that it was granted for, and no other', () => {
  const lease = leaseOf(grant())
  assert.deepEqual(
    [4, 5, 6].map((epoch) => lease.holds(at(1_050), epoch)),
    [false, true, false],
  )
})

test('the clock that went further counts: a suspended machine has no lease left, a clock set back prolongs none', () => {
  const lease = leaseOf(grant())
  assert.equal(lease.holds(at(1_010, 61_000), 5), false, 'suspended for a minute')
  assert.equal(lease.holds(at(1_190, -60_000), 5), true, 'set back: the monotonic clock counts')
  assert.equal(lease.holds(at(1_300, -60_000), 5), false)
})

test('the newest heartbeat prolongs a lease, an older one that is answered late does not shorten it', () => {
  const lease = leaseOf(grant(), grant({ sentAt: at(1_100) }), grant({ sentAt: at(1_050) }))
  assert.equal(lease.holds(at(1_290), 5), true)
})

test('a grant of a lower epoch does not replace one of a higher', () => {
  const lease = leaseOf(grant({ epoch: 6 }), grant({ sentAt: at(1_100) }))
  assert.deepEqual([lease.holds(at(1_110), 6), lease.holds(at(1_110), 5)], [true, false])
})

test('what was dropped is over, and no later grant up to that epoch counts; one of a higher epoch does', () => {
  const lease = leaseOf(grant())
  lease.drop(5)
  assert.equal(lease.holds(at(1_010), 5), false)
  lease.grant(grant({ sentAt: at(1_100) }))
  assert.equal(lease.holds(at(1_110), 5), false)
  lease.grant(grant({ epoch: 6, sentAt: at(1_100) }))
  assert.equal(lease.holds(at(1_110), 6), true)
})

test('what is dropped late, when a lease of a higher epoch is held, leaves that one; dropping all of them ends it', () => {
  const lease = leaseOf(grant({ epoch: 7 }))
  lease.drop(5)
  assert.equal(lease.holds(at(1_010), 7), true)
  lease.drop(Number.MAX_SAFE_INTEGER)
  assert.equal(lease.holds(at(1_010), 7), false)
})

test('a higher epoch that somebody has heard of ends a lease for good; the own one, or a lower, does not', () => {
  const lease = leaseOf(grant())
  lease.saw(5)
  lease.saw(4)
  assert.equal(lease.holds(at(1_010), 5), true)
  lease.saw(6)
  lease.saw(1)
  lease.grant(grant({ sentAt: at(1_100) }))
  assert.equal(lease.holds(at(1_110), 5), false)
})

test('a holder never thinks a lease holds when the granter has waited for it, within 1 % of drift', () => {
  const ms = fc.double({ min: 0, max: 10_000, noNaN: true })
  fc.assert(
    fc.property(
      ms,
      ms,
      fc.double({ min: 0.991, max: 1.01, noNaN: true }),
      fc.double({ min: 1, max: 10_000, noNaN: true }),
      ms,
      fc.integer({ min: -100_000, max: 100_000 }),
      (sentMs, travelMs, pace, forMs, waitedMs, wallStepMs) => {
        const lease = leaseOf(grant({ forMs, sentAt: at(sentMs * pace, sentMs * pace) }))
        const nowMs = sentMs + travelMs + forMs + waitedMs // by the granter's clock, which is true here
        assert.equal(lease.holds(at(nowMs * pace, nowMs * pace + wallStepMs), 5), false)
      },
    ),
  )
})
