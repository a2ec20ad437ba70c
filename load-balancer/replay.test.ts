import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isIdempotent, isSafe } from '../checkpoint/http-methods.ts'
import {
  afterFailure,
  type Facts,
  type Failure,
  lossesMax,
  mayHaveRun,
  maySend,
  outcomeOf,
  quickRetriesMax,
} from './replay.ts'

const facts = (changes: Partial<Facts> = {}): Facts => ({
  safe: false,
  idempotent: false,
  losses: 0,
  lostUnnumbered: false,
  quickRetries: 0,
  ...changes,
})
const failures: fc.Arbitrary<Failure> = fc.oneof(
  fc.record({ type: fc.constant('unreachable' as const), kind: fc.constantFrom('refused', 'timed-out', 'other') }),
  fc.constant({ type: 'lost' } as const),
  fc.record({ type: fc.constantFrom('deposed', 'silent'), sent: fc.boolean() }),
  fc.constantFrom({ type: 'not-active' } as const, { type: 'session-ended' } as const, { type: 'malformed' } as const),
)

describe('after a failure', () => {
  const table: [string, Facts, Failure, string][] = [
    ['a connection was refused', facts(), { type: 'unreachable', kind: 'refused' }, 'resend after pause'],
    ['the backend does not lead', facts(), { type: 'not-active' }, 'resend after pause'],
    ['a connection was lost', facts({ losses: 1 }), { type: 'lost' }, 'resend now'],
    [
      'connections were lost in a row',
      facts({ losses: 4, quickRetries: quickRetriesMax }),
      { type: 'lost' },
      'resend after pause',
    ],
    ['an unnumbered POST was lost', facts({ losses: 1, lostUnnumbered: true }), { type: 'lost' }, 'not replayable'],
    [
      'an unnumbered PUT was lost',
      facts({ losses: 1, lostUnnumbered: true, idempotent: true }),
      { type: 'lost' },
      'resend now',
    ],
    ['it was lost too often', facts({ losses: lossesMax }), { type: 'lost' }, 'lost too often'],
    ['another was named', facts({ losses: 1 }), { type: 'deposed', sent: true }, 'resend now'],
    ['the session ended before it ran', facts(), { type: 'session-ended' }, 'resend now'],
    ['the session ended after it may have run', facts({ losses: 1 }), { type: 'session-ended' }, 'session ended'],
    ['the backend is silent', facts({ losses: 1 }), { type: 'silent', sent: true }, 'held too long'],
    ['it cannot be expressed', facts(), { type: 'malformed' }, 'malformed'],
  ]
  for (const [when, given, failure, expected] of table) {
    it(`when ${when}: ${expected}`, () => {
      const verdict = afterFailure(given, failure)
      assert.equal(verdict.type === 'give up' ? verdict.because : `resend ${verdict.when}`, expected)
    })
  }
})

it('a request that is not idempotent is sent again only where no run of it can repeat an earlier one', () => {
  const step = fc.record({ failure: failures, exactlyOnce: fc.boolean() })
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(step, { maxLength: 12 }),
      fc.boolean(),
      (idempotent, steps, firstExactlyOnce) => {
        const known = facts({ idempotent })
        const sent = [firstExactlyOnce]
        let ranUnguarded = false
        let exactlyOnce = firstExactlyOnce
        for (const { failure, exactlyOnce: next } of steps) {
          if (mayHaveRun(failure)) {
            known.losses += 1
            if (!exactlyOnce) {
              known.lostUnnumbered = true
              ranUnguarded = true
            }
          }
          if (afterFailure(known, failure).type === 'give up' || !maySend(known, { exactlyOnce: next })) break
          if (!idempotent && ranUnguarded) assert.fail('sent again after an unguarded run')
          if (!idempotent && known.losses > 0) assert.ok(next, 'replayed to a backend that cannot recognise it')
          exactlyOnce = next
          sent.push(next)
        }
        assert.ok(known.losses <= lossesMax)
      },
    ),
  )
})

it('the outcome is unknown exactly if it may have run and has an effect', () => {
  assert.equal(outcomeOf({ safe: false, losses: 0, key: null }), 'not applied')
  assert.equal(outcomeOf({ safe: false, losses: 1, key: null }), 'unknown')
  assert.equal(outcomeOf({ safe: true, losses: 1, key: null }), 'not applied')
  assert.equal(
    outcomeOf({ safe: false, losses: 0, key: 'k' }),
    'unknown',
    'it may have been applied under its key before',
  )
  assert.equal(outcomeOf({ safe: true, losses: 0, key: 'k' }), 'not applied')
})

it('methods are safe and idempotent as HTTP says, and unknown ones neither', () => {
  const told = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'POST', 'PATCH', 'CONNECT', 'BREW', 'get']
  assert.deepEqual(told.filter(isSafe), ['GET', 'HEAD', 'OPTIONS', 'TRACE'])
  assert.deepEqual(told.filter(isIdempotent), ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])
})
