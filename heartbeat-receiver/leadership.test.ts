import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Moment } from '../checkpoint/staleness.ts'
import {
  authorityMs,
  claimJitterMs,
  type Leader,
  Leadership,
  probeUrlOf,
  renewalMs,
  standstillMs,
} from './leadership.ts'

const leaseMs = 200
const own = 'ws://10.0.0.1:7070'
const other: Leader = { incarnation: 'o-1', node: 'other', url: 'ws://10.0.0.2:7070' }
const third: Leader = { incarnation: 't-1', node: 'third', url: 'ws://10.0.0.3:7070' }
const at = (monotonicMs: number, wallMs = monotonicMs): Moment => ({ monotonicMs, wallMs })

function leadership(random = 0.5): Leadership {
  return new Leadership({ incarnation: 'me', url: () => own, random: () => random })
}

/** One that has read a journal which names `other`, at 1,000, and has seen its URL answer. */
function following(): Leadership {
  const one = leadership()
  one.caughtUp(other, false, 1_000)
  assert.equal(one.next(1_000, true)?.type, 'probe')
  one.probed('o-1', 'connected', 1_001)
  return one
}

/** One that leads since `sinceMs`, and was the first. */
function leading(sinceMs: number): Leadership {
  const one = leadership()
  one.caughtUp(null, false, sinceMs)
  one.claiming()
  one.claimed(sinceMs, leaseMs)
  return one
}

describe('leadership: when to claim', () => {
  it('at once if the journal names nobody', () => {
    const one = leadership()
    one.caughtUp(null, false, 0)
    assert.deepEqual(one.next(0, true), { type: 'claim', reason: 'the journal names no receiver' })
  })

  it('not before the journal was read, and not while it cannot be read', () => {
    const one = leadership()
    assert.equal(one.next(0, true), null)
    one.caughtUp(null, false, 0)
    assert.equal(one.next(0, false), null)
  })

  it('after no record was seen for the length of an authority and a jitter', () => {
    const dueMs = 1_000 + authorityMs + 0.5 * claimJitterMs
    assert.notEqual(following().next(dueMs - 1, true)?.type, 'claim')
    assert.deepEqual(following().next(dueMs, true), { type: 'claim', reason: 'other recorded nothing for 250 ms' })
    const one = following()
    one.read(other, 1_100)
    assert.notEqual(one.next(dueMs, true)?.type, 'claim')
    assert.equal(one.next(dueMs + 100, true)?.type, 'claim')
  })

  it('only after a standstill of the journal while the link says that its leader lives and leads', () => {
    for (const [leads, expected] of [
      [true, undefined],
      [false, 'claim'],
    ] as const) {
      const one = following()
      one.heard('o-1', leads, 1_200)
      one.probed('o-1', 'connected', 1_299)
      assert.equal(one.next(1_300, true)?.type, expected)
    }
    const one = following()
    one.heard('o-1', true, 999 + standstillMs)
    assert.notEqual(one.next(999 + standstillMs, true)?.type, 'claim')
    assert.equal(one.next(1_000 + standstillMs, true)?.type, 'claim')
  })

  it('at once if a connection to its leader is refused, and for no other outcome', () => {
    for (const outcome of ['connected', 'timed-out', 'unreachable', 'refused'] as const) {
      const one = following()
      one.linkLost('o-1')
      assert.equal(one.next(1_010, true)?.type, 'probe')
      one.probed('o-1', outcome, 1_012)
      assert.equal(one.next(1_012, true)?.type, outcome === 'refused' ? 'claim' : undefined, outcome)
    }
  })

  it('at once if another incarnation answers where its leader was heard, or it listens there itself', () => {
    const one = following()
    one.replaced('x-1', 1_010)
    assert.equal(one.next(1_010, true), null)
    one.replaced('o-1', 1_010)
    assert.equal(one.next(1_010, true)?.type, 'claim')
    const again = leadership()
    again.caughtUp({ ...other, url: own }, false, 0)
    assert.equal(again.next(0, true)?.type, 'claim')
  })

  it('not when whoever was refused speaks after all, and not for the death of one that leads no more', () => {
    const one = following()
    one.probed('o-1', 'refused', 1_010)
    one.heard('o-1', true, 1_011)
    assert.notEqual(one.next(1_011, true)?.type, 'claim')
    one.read(third, 1_020)
    one.probed('o-1', 'refused', 1_021)
    assert.notEqual(one.next(1_021, true)?.type, 'claim')
  })

  it('not for a silence in which it stood still itself', () => {
    const one = following()
    one.tick(1_010, 10)
    one.tick(5_000, 10)
    assert.notEqual(one.next(5_000, true)?.type, 'claim')
    for (let nowMs = 5_010; nowMs <= 5_260; nowMs += 10) one.tick(nowMs, 10)
    assert.equal(one.next(5_260, true)?.type, 'claim')
  })

  it('looks whether its leader is there when it falls silent, and not all the time', () => {
    const one = following()
    one.read(other, 1_050)
    assert.equal(one.next(1_149, true), null)
    assert.deepEqual(one.next(1_150, true), { type: 'probe', leader: other })
    assert.equal(one.next(1_151, true), null, 'one at a time')
    one.probed('o-1', 'timed-out', 1_160)
    assert.equal(one.next(1_200, true), null)
  })
})

describe('leadership: authority', () => {
  it('begins with the first renewal, counts from its sending, and ends a margin early', () => {
    const one = leading(0)
    assert.equal(one.authorityUntilMs(at(0)), null)
    assert.deepEqual(one.next(0, true), { type: 'renew' })
    one.renewing(0)
    one.renewed(at(0))
    assert.equal(one.authorityUntilMs(at(30)), 197)
    assert.equal(one.authorityUntilMs(at(196.9))! - 197 < 1e-9, true)
    assert.equal(one.authorityUntilMs(at(197)), null)
    one.renewed(at(50))
    one.renewed(at(20)) // told late
    assert.equal(one.authorityUntilMs(at(200)), 247)
  })

  it('does not count a record that was sent before it led', () => {
    const one = leading(100)
    one.renewed(at(99))
    assert.equal(one.authorityUntilMs(at(101)), null)
  })

  it('takes the larger of what the clocks say', () => {
    const one = leading(0)
    one.renewed(at(0, 5_000))
    assert.equal(one.authorityUntilMs(at(10, 5_210)), null, 'the machine was suspended')
    assert.equal(one.authorityUntilMs(at(10, 4_000)), 197, 'somebody set the clock back')
  })

  it('waits until that of all who led before is over, unless they are dead', () => {
    const one = following()
    one.read(other, 1_500)
    one.read(third, 1_510)
    one.probed('t-1', 'refused', 1_511)
    one.claimed(1_520, leaseMs)
    one.renewed(at(1_521))
    assert.equal(one.authorityUntilMs(at(1_690)), null)
    one.renewed(at(1_690))
    assert.equal(one.authorityUntilMs(at(1_700)), 1_887)
    assert.equal(one.leasesUntilMs, 1_500 + authorityMs + leaseMs)
    one.lost(1_800)
    one.read(other, 1_810)
    one.claimed(2_100, 10 * leaseMs)
    assert.equal(
      one.leasesUntilMs,
      1_810 + authorityMs + 10 * leaseMs,
      'leases are as long as whoever granted them says',
    )
  })

  it('waits for those whom it did not see, as a snapshot hid them', () => {
    const one = leadership()
    one.caughtUp({ ...other, url: own }, true, 1_000)
    one.claimed(1_002, leaseMs)
    one.renewed(at(1_003))
    assert.equal(one.authorityUntilMs(at(1_190)), null)
    assert.equal(one.leasesUntilMs, 1_000 + authorityMs + leaseMs)
  })

  it('of a dead leader leaves its leases only, from when it was proven', () => {
    const one = following()
    one.read(other, 1_050)
    one.probed('o-1', 'refused', 1_100)
    one.claimed(1_105, leaseMs)
    one.renewed(at(1_106))
    assert.equal(one.authorityUntilMs(at(1_107)), 1_303)
    assert.equal(one.leasesUntilMs, 1_100 + leaseMs)
  })

  it('ends with leadership, and is renewed every 50 ms, one record at a time', () => {
    const one = leading(0)
    one.renewing(0)
    one.renewed(at(0))
    assert.equal(one.next(renewalMs, true), null)
    one.renewalEnded()
    assert.equal(one.next(renewalMs - 1, true), null)
    assert.deepEqual(one.next(renewalMs, true), { type: 'renew' })
    one.lost(60)
    assert.equal(one.authorityUntilMs(at(60)), null)
    assert.ok(one.follows && !one.leads)
  })
})

describe('leadership: where a leader is tried', () => {
  it('over the link to it, else at the URL it claimed, if that means the same process from here', () => {
    assert.equal(probeUrlOf(other, 'ws://vip:1', own), 'ws://vip:1')
    assert.equal(probeUrlOf(other, undefined, own), other.url)
    const local = { ...other, url: 'ws://127.0.0.1:7070/#one' }
    assert.equal(probeUrlOf(local, undefined, 'ws://127.0.0.1:7071/#one'), local.url)
    assert.equal(probeUrlOf(local, undefined, 'ws://127.0.0.1:7071/#two'), null)
    assert.equal(probeUrlOf(local, undefined, own), null)
    assert.equal(probeUrlOf({ ...other, url: '' }, undefined, own), null)
  })
})
