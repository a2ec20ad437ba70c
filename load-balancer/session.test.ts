import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Session, Sessions } from './session.ts'

describe('a session', () => {
  it('numbers from 1 without gaps, and its lowest waiting is below nothing that waits', () => {
    const steps = fc.array(fc.oneof(fc.constant('take' as const), fc.nat(10)), { maxLength: 60 })
    fc.assert(
      fc.property(steps, (taken) => {
        const session = new Session('s')
        const waiting = new Set<number>()
        let last = 0
        for (const step of taken) {
          if (step === 'take') {
            const number = session.take()
            assert.equal(number, last + 1)
            last = number
            waiting.add(number)
          } else {
            const number = [...waiting][step] ?? step
            session.done(number)
            waiting.delete(number)
          }
          assert.equal(session.lowestWaiting, Math.min(last + 1, ...waiting))
        }
      }),
    )
  })
})

describe('a session with many requests under way', () => {
  it('remembers which are done while its ring grows', () => {
    const session = new Session('s')
    const take = (count: number) => Array.from({ length: count }, () => session.take())
    for (const number of take(20)) session.done(number)
    const [first, ...others] = take(16)
    for (const number of others) session.done(number)
    const late = take(100)
    assert.equal(session.lowestWaiting, first)
    session.done(first!)
    assert.equal(session.lowestWaiting, late[0])
    for (const number of late) session.done(number)
    assert.equal(session.lowestWaiting, late.at(-1)! + 1)
  })
})

describe('sessions', () => {
  it('are opened one at a time, and again after a failure or an end', () => {
    const sessions = new Sessions()
    assert.ok(sessions.begin())
    assert.ok(!sessions.begin())
    sessions.notOpened()
    assert.ok(sessions.begin())
    sessions.opened('one')
    assert.ok(!sessions.begin())
    const one = sessions.current!
    sessions.ended(one)
    assert.equal(sessions.current, undefined)
    assert.ok(sessions.begin())
    sessions.opened('two')
    sessions.ended(one)
    assert.equal(sessions.current!.id, 'two')
  })
})
