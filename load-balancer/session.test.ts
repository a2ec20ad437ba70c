import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Session, Sessions, sessionsMax } from './session.ts'

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
            session.done(number, 0)
            waiting.delete(number)
          }
          assert.equal(session.lowestWaiting, Math.min(last + 1, ...waiting))
        }
      }),
    )
  })
})

describe('a session with a request that is slow', () => {
  it('remembers no more than the numbers that wait, however many were done meanwhile', () => {
    const session = new Session('s')
    const slow = session.take()
    for (let turn = 0; turn < 100_000; turn++) session.done(session.take(), 0)
    assert.deepEqual([session.waiting, session.lowestWaiting], [1, slow])
    session.done(slow, 0)
    assert.deepEqual([session.waiting, session.lowestWaiting], [0, 100_002])
  })

  it('is stuck after about a thousand small answers or some sixty of the largest, until that one is done', () => {
    for (const [bodyBytes, least, most] of [
      [0, 1_000, 1_100],
      [64 * 1024, 50, 70],
    ] as const) {
      const session = new Session('s')
      const slow = session.take()
      let answers = 0
      for (; !session.stuck; answers++) session.done(session.take(), bodyBytes)
      assert.ok(answers >= least && answers <= most, `${answers} of ${bodyBytes} bytes`)
      session.done(slow, 0)
      assert.ok(!session.stuck)
    }
  })

  it('is not stuck by requests that are many and none of them slow', () => {
    const session = new Session('s')
    const waiting = Array.from({ length: 50 }, () => session.take())
    for (let turn = 0; turn < 10_000; turn++) {
      session.done(waiting.shift()!, 64 * 1024)
      waiting.push(session.take())
      assert.ok(!session.stuck)
    }
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

/** Some with so many sessions open, and how a slow request makes one of them stuck. */
function openSessions(count: number): Sessions {
  const sessions = new Sessions()
  for (let index = 1; index <= count; index++) {
    if (index === 1) assert.ok(sessions.begin())
    sessions.opened(String(index))
  }
  return sessions
}

/** Answers what comes after a slow request until the session is stuck; ends the slow one. */
function makeStuck(session: Session): () => void {
  const slow = session.take()
  while (!session.stuck) session.done(session.take(), 64 * 1024)
  return () => session.done(slow, 0)
}

const chosen = (sessions: Sessions) => sessions.choose()?.id

describe('of several sessions', () => {
  it('the one that is stuck goes on until another is open, and the numbers go on in that', () => {
    const sessions = openSessions(1)
    assert.ok(!sessions.begin(), 'one is enough')
    makeStuck(sessions.choose()!)
    assert.equal(chosen(sessions), '1')
    assert.ok(sessions.begin())
    assert.equal(chosen(sessions), '1')
    sessions.opened('2')
    assert.equal(chosen(sessions), '2')
    assert.ok(!sessions.begin())
  })

  it('the one that is stuck no more gets the next number: that one says what its backend need not keep', () => {
    const sessions = openSessions(2)
    const end = makeStuck(sessions.choose()!)
    assert.equal(chosen(sessions), '2')
    end()
    assert.equal(chosen(sessions), '1')
    assert.equal(chosen(sessions), '1', 'and the one that was left in order stays so')
  })

  it('each that is stuck no more gets a number', () => {
    const sessions = openSessions(3)
    const ends = [1, 2].map(() => makeStuck(sessions.choose()!))
    assert.equal(chosen(sessions), '2')
    for (const end of ends) end()
    assert.deepEqual([chosen(sessions), chosen(sessions), chosen(sessions)], ['3', '1', '1'])
  })

  it('the one whose backend keeps least goes on where all are stuck and no more may be opened', () => {
    const sessions = openSessions(sessionsMax)
    for (let index = 0; index < sessionsMax; index++) makeStuck(sessions.choose()!)
    assert.ok(!sessions.begin())
    const used = Array.from({ length: sessionsMax * 3 }, () => {
      const session = sessions.choose()!
      session.done(session.take(), 64 * 1024)
      return session.id
    })
    assert.equal(new Set(used).size, sessionsMax)
  })

  it('those that were left before one that the backend ended are over as well; what was in use since is not', () => {
    const sessions = openSessions(3)
    makeStuck(sessions.choose()!)
    const third = sessions.choose()!
    assert.equal(third.id, '3')
    makeStuck(third)
    assert.equal(chosen(sessions), '2', 'left: 1, then 3')
    sessions.ended(third)
    assert.deepEqual([sessions.count, chosen(sessions)], [1, '2'])
    sessions.ended(third)
    assert.equal(sessions.count, 1, 'old news')
  })

  it('the one that was left last goes on when the backend ended the one in use', () => {
    const sessions = openSessions(3)
    makeStuck(sessions.choose()!)
    sessions.ended(sessions.choose()!)
    assert.equal(sessions.current!.id, '1')
    assert.ok(sessions.begin(), 'it is stuck still')
  })
})
