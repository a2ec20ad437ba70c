import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { inheritedLeaseMs, LeaseLedger, leaseMsAt } from './lease-ledger.ts'

describe('lease ledger', () => {
  it('a lease is two heartbeats long', () => {
    assert.equal(leaseMsAt(100), 200)
  })

  it('nobody but the holder may be named before its lease has run out', () => {
    const ledger = new LeaseLedger()
    ledger.grant('a', 300, 100)
    assert.equal(ledger.freeAtMs('b'), 300)
    assert.equal(ledger.freeAtMs('a'), Number.NEGATIVE_INFINITY)
  })

  it('a later grant never shortens the one before', () => {
    const ledger = new LeaseLedger()
    ledger.grant('a', 300, 100)
    ledger.grant('a', 250, 100)
    assert.equal(ledger.freeAtMs('b'), 300)
  })

  it('of several holders all are waited for', () => {
    const ledger = new LeaseLedger()
    ledger.grant('a', 300, 100)
    ledger.grant('b', 350, 150)
    assert.equal(ledger.freeAtMs('c'), 350)
    ledger.release('b')
    assert.equal(ledger.freeAtMs('c'), 300)
  })

  it('what a predecessor granted ends with its time or the proven death of who was named, not with the word that it holds none', () => {
    const ledger = new LeaseLedger()
    ledger.inherit({ incarnation: 'a', epoch: 4, leaseMs: 200, untilMs: 500 })
    ledger.release('a')
    assert.equal(ledger.freeAtMs('b'), 500)
    assert.equal(ledger.freeAtMs('a'), Number.NEGATIVE_INFINITY)
    ledger.died('b')
    assert.equal(ledger.freeAtMs('b'), 500)
    ledger.died('a')
    assert.equal(ledger.freeAtMs('b'), Number.NEGATIVE_INFINITY)
  })

  it('how long its leases were its decision tells, never less than the own ones, nor more than there can be', () => {
    for (const [leaseMs, expectedMs] of [
      [2_000, 2_000],
      [50, 200],
      [undefined, 200],
      [Number.MAX_SAFE_INTEGER, 120_000],
      [-1, 200],
    ] as const)
      assert.equal(inheritedLeaseMs(leaseMs === undefined ? {} : { leaseMs }, 200), expectedMs)
    assert.equal(inheritedLeaseMs(undefined, 200), 200, 'nothing was decided')
  })

  it('while such a lease may last, the longest is one of those', () => {
    const ledger = new LeaseLedger()
    assert.equal(ledger.longestMs(200, 0), 200)
    ledger.inherit({ incarnation: 'a', epoch: 4, leaseMs: 2_000, untilMs: 500 })
    assert.deepEqual([ledger.longestMs(200, 499), ledger.longestMs(3_000, 499)], [2_000, 3_000])
    assert.equal(ledger.longestMs(200, 500), 200)
  })

  it('or with a higher epoch that its holder has seen', () => {
    const ledger = new LeaseLedger()
    ledger.inherit({ incarnation: 'a', epoch: 4, leaseMs: 200, untilMs: 500 })
    ledger.saw('a', 4)
    ledger.saw('b', 9)
    assert.equal(ledger.freeAtMs('b'), 500)
    ledger.saw('a', 5)
    assert.equal(ledger.freeAtMs('b'), Number.NEGATIVE_INFINITY)
  })

  it('if it is not known whom the predecessor named, nobody is exempt', () => {
    const ledger = new LeaseLedger()
    ledger.inherit({ incarnation: null, epoch: 0, leaseMs: 200, untilMs: 500 })
    assert.equal(ledger.freeAtMs('a'), 500)
  })

  it('whatever is granted, released and proven: who is free to be named has outlived every other lease', () => {
    const holder = fc.constantFrom('a', 'b', 'c')
    const act = fc.record({ type: fc.constantFrom('grant', 'release', 'died'), holder, afterMs: fc.nat(150) })
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        const ledger = new LeaseLedger()
        const until = new Map<string, number>()
        let nowMs = 0
        for (const { type, holder, afterMs } of acts) {
          nowMs += afterMs
          if (type === 'grant') {
            ledger.grant(holder, nowMs + 200, nowMs)
            until.set(holder, nowMs + 200)
          } else {
            ledger[type as 'release' | 'died'](holder)
            until.delete(holder)
          }
          for (const name of ['a', 'b', 'c', 'd']) {
            const others = [...until].filter(([other, untilMs]) => other !== name && untilMs > nowMs)
            assert.equal(ledger.freeAtMs(name) <= nowMs, others.length === 0)
          }
        }
      }),
    )
  })
})
