import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type BreakerChange, CircuitBreaker, defaultBreakerLimits, tellsOfFailure } from './circuit-breaker.ts'

const limits = { ...defaultBreakerLimits, openTimeMs: 1_000, openTimeMaxMs: 4_000 }

function breaker(changes: Partial<typeof limits> = {}) {
  const log: string[] = []
  const told = ({ from, to, reason }: BreakerChange) => void log.push(`${from} → ${to}: ${reason}`)
  return { it: new CircuitBreaker({ ...limits, ...changes }, told), log }
}

/** Requests that are sent and end at once: `+` well, `c` with no connection, `a` with an answer that tells of failure. */
function run(one: CircuitBreaker, outcomes: string, nowMs: number): void {
  for (const outcome of outcomes) {
    const term = one.sent(nowMs)
    if (outcome === '+') one.succeeded(term, nowMs)
    else one.failed(term, outcome === 'c' ? 'connection' : 'answer', nowMs)
  }
}

describe('a circuit breaker opens', () => {
  it('after failures in a row, and not before', () => {
    const { it: one, log } = breaker()
    run(one, 'cccc', 0)
    assert.equal(one.lets(0), true)
    run(one, 'c', 0)
    assert.equal(one.lets(0), false)
    assert.deepEqual(log, ['closed → open: 5 failures in a row'])
  })

  it('not when a success lies between', () => {
    const { it: one } = breaker()
    run(one, 'cccc+cccc', 0)
    assert.equal(one.state.type, 'closed')
  })

  it('when more than half of what was sent lately failed', () => {
    const { it: one, log } = breaker()
    run(one, 'cc+'.repeat(6), 0)
    assert.equal(one.state.type, 'closed', 'too few to judge')
    run(one, '+c', 0)
    assert.deepEqual(log, ['closed → open: 13 of 20 requests failed'])
  })

  it('not when half of it went well', () => {
    const { it: one } = breaker()
    run(one, '+c'.repeat(50), 0)
    assert.equal(one.state.type, 'closed')
  })

  it('not for what failed long ago', () => {
    const { it: one } = breaker()
    run(one, 'c+c'.repeat(6), 0)
    run(one, '++c', 20_000)
    assert.equal(one.state.type, 'closed')
  })

  it('never, if it is switched off', () => {
    const { it: one } = breaker({ failuresInRow: 0 })
    run(one, 'c'.repeat(100), 0)
    assert.equal(one.lets(0), true)
  })
})

describe('an open breaker', () => {
  it('lets one probe when its time is over, and closes when that is answered', () => {
    const { it: one, log } = breaker()
    run(one, 'ccccc', 0)
    assert.equal(one.lets(999), false)
    assert.equal(one.lets(1_000), true)
    const term = one.sent(1_000)
    assert.equal(one.lets(1_000), false)
    one.succeeded(term, 1_010)
    assert.equal(one.lets(1_010), true)
    assert.deepEqual(log.slice(1), ['open → half-open: a probe is sent', 'half-open → closed: it answers again'])
  })

  it('stays open twice as long after each probe that failed, up to a bound', () => {
    const { it: one } = breaker()
    run(one, 'ccccc', 0)
    const openFor: number[] = []
    let nowMs = 0
    for (let probe = 0; probe < 4; probe++) {
      const openedMs = nowMs
      while (!one.lets(nowMs)) nowMs += 100
      openFor.push(nowMs - openedMs)
      run(one, 'c', nowMs)
    }
    assert.deepEqual(openFor, [1_000, 2_000, 4_000, 4_000])
    nowMs += 4_000
    run(one, '+', nowMs)
    run(one, 'ccccc', nowMs)
    assert.equal(one.lets(nowMs + 999), false)
    assert.equal(one.lets(nowMs + 1_000), true, 'a success sets the time back')
  })

  it('once closed again, judges by what came since', () => {
    const { it: one, log } = breaker()
    run(one, `${'cc+'.repeat(6)}+c`, 0)
    run(one, '+', 1_000)
    run(one, '+c'.repeat(10), 1_000)
    assert.equal(one.state.type, 'closed', 'the failures are forgotten')
    const { it: other } = breaker()
    run(other, `${'+'.repeat(100)}ccccc`, 0)
    run(other, `+${'cc+'.repeat(6)}cc`, 1_000)
    assert.equal(other.state.type, 'open', 'the successes are forgotten')
    assert.equal(log.length, 3)
  })

  it('lets another probe when one was abandoned, or has no outcome for as long as it was open', () => {
    const { it: one } = breaker()
    run(one, 'ccccc', 0)
    one.abandoned(one.sent(1_000), 1_200)
    assert.equal(one.lets(1_200), true)
    one.sent(1_200)
    assert.equal(one.lets(2_199), false)
    assert.equal(one.lets(2_200), true)
  })

  it('closes for a slow probe too, though another was sent meanwhile', () => {
    const { it: one, log } = breaker()
    run(one, 'ccccc', 0)
    const slow = one.sent(1_000)
    one.sent(2_000)
    one.succeeded(slow, 2_500)
    assert.equal(one.state.type, 'closed')
    assert.equal(log.length, 3)
  })

  it('does not heed what was sent before it opened', () => {
    const { it: one } = breaker()
    const early = one.sent(0)
    const late = one.sent(0)
    run(one, 'ccccc', 0)
    one.succeeded(early, 10)
    assert.equal(one.state.type, 'open')
    one.sent(1_000)
    one.failed(late, 'connection', 1_001)
    one.abandoned(late, 1_001)
    assert.equal(one.state.type, 'half-open')
    assert.equal(one.lets(1_001), false)
  })

  it('as a last resort lets requests to a member that answers, and closes when one goes well', () => {
    const { it: one } = breaker()
    run(one, 'aaaaa', 0)
    assert.equal(one.lets(0), false)
    assert.equal(one.letsAsLastResort(0), true)
    run(one, 'a', 0)
    assert.equal(one.lets(0), false)
    run(one, '+', 0)
    assert.equal(one.lets(0), true)
    run(one, 'ccccc', 0)
    assert.equal(one.letsAsLastResort(0), false)
  })
})

it('502, 503 and 504 tell of failure, and no other status', () => {
  const told = Array.from({ length: 500 }, (_, index) => index + 100).filter(tellsOfFailure)
  assert.deepEqual(told, [502, 503, 504])
})

it('whatever happens, it lets a request again within its longest time, and one at a time until one goes well', () => {
  const steps = fc.array(fc.record({ outcome: fc.constantFrom('+', 'c', 'a', 'left'), waitMs: fc.nat(900) }), {
    maxLength: 200,
  })
  fc.assert(
    fc.property(steps, (given) => {
      const { it: one } = breaker()
      let nowMs = 0
      let shutSinceMs: number | undefined
      for (const { outcome, waitMs } of given) {
        nowMs += waitMs
        if (!one.lets(nowMs)) {
          shutSinceMs ??= nowMs
          assert.ok(nowMs - shutSinceMs < limits.openTimeMaxMs)
          continue
        }
        shutSinceMs = undefined
        const wasClosed = one.state.type === 'closed'
        const term = one.sent(nowMs)
        if (!wasClosed) assert.equal(one.lets(nowMs), false, 'a second probe')
        if (outcome === '+') one.succeeded(term, nowMs)
        else if (outcome === 'left') one.abandoned(term, nowMs)
        else one.failed(term, outcome === 'c' ? 'connection' : 'answer', nowMs)
        if (outcome === '+') assert.equal(one.state.type, 'closed')
      }
    }),
  )
})
