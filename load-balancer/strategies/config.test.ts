import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { defaultBreakerLimits } from '../circuit-breaker.ts'
import { breakerLimitsOf, retryLimitsOf, sendingOptions, strategyChange, strategySettings } from './config.ts'

describe('the settings of a strategy', () => {
  it('have defaults for all but the strategy', () => {
    assert.deepEqual(strategySettings.parse({ strategy: 'weighted' }), {
      strategy: 'weighted',
      hashKey: 'address',
      hashSlots: 65_536,
      hashVirtualNodes: 512,
      hashBound: 1.25,
    })
    assert.equal(strategySettings.safeParse({}).success, false)
  })

  it('a change holds only what is said', () => {
    assert.deepEqual(strategyChange.parse({ strategy: 'consistent-hash', hashKey: 'cookie:user' }), {
      strategy: 'consistent-hash',
      hashKey: 'cookie:user',
    })
  })

  it('refuse what makes no sense, and say what would', () => {
    const table: [object, RegExp][] = [
      [{ strategy: 'magic' }, /expected active, round-robin/],
      [{ strategy: 'consistent-hash', hashKey: 'header:' }, /expected address, header:NAME/],
      [{ strategy: 'consistent-hash', hashBound: 0.5 }, /expected 0, or 1 to 1000/],
      [{ strategy: 'consistent-hash', hashSlots: 0 }, /expected number to be >=1/],
      [{ strategy: 'consistent-hash', slots: 9 }, /slots/],
    ]
    for (const [body, expected] of table) {
      const { error } = strategyChange.safeParse(body)
      assert.match(error?.issues[0]?.message ?? 'accepted', expected)
    }
  })
})

describe('what bounds the sending', () => {
  const options = z.object(sendingOptions)

  it('has defaults', () => {
    const parsed = options.parse({})
    assert.equal(parsed.backendRequests, 256)
    assert.deepEqual(breakerLimitsOf(parsed), defaultBreakerLimits)
    assert.deepEqual(retryLimitsOf(parsed), { share: 0.2, floorPerSecond: 10, windowMs: 10_000 })
  })

  it('is read as people write it', () => {
    const parsed = options.parse({
      breakerOpenTimeMs: '45s',
      breakerFailures: '0',
      retryBudget: '0.5',
      retryFloor: '0',
    })
    const { openTimeMs, openTimeMaxMs, failuresInRow } = breakerLimitsOf(parsed)
    assert.deepEqual(
      { openTimeMs, openTimeMaxMs, failuresInRow },
      { openTimeMs: 45_000, openTimeMaxMs: 45_000, failuresInRow: 0 },
    )
    assert.deepEqual(retryLimitsOf(parsed), { share: 0.5, floorPerSecond: 0, windowMs: 10_000 })
  })

  it('refuses shares of more than all', () => {
    for (const retryBudget of ['101%', '-1%', '1.5', 'few', 2]) {
      const { error } = options.safeParse({ retryBudget })
      assert.match(JSON.stringify(error?.issues), /expected a share from 0% to 100%/, String(retryBudget))
    }
  })
})
