import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pauseMaxMs } from './gate.ts'
import { cut, refused } from './virtual-connections.ts'
import { decisionFor, limits, startLane } from './virtual-lane.ts'

describe('the replay lane in virtual time', () => {
  it('sends what it held as soon as a decision is heard, numbered by a session of its own', async (t) => {
    const { time, follower, backends, answers, send } = startLane(t)
    send('POST')
    await time.pass(100)
    assert.deepEqual(answers, [])
    follower.decide(decisionFor('a', 1))
    await time.pass(10)
    assert.deepEqual(answers, ['200 fine'])
    assert.equal(backends[0]!.requests.length, 1)
  })

  it('refuses what was held for as long as it may be, to the millisecond', async (t) => {
    const { time, answers, send } = startLane(t)
    send('GET')
    await time.pass(limits.timeMs - 1)
    assert.deepEqual(answers, [])
    await time.pass(1)
    assert.deepEqual(answers, ['held too long'])
  })

  it('sends what the old active had not answered to the new one, once it is named', async (t) => {
    const { time, follower, backends, answers, send } = startLane(t)
    follower.decide(decisionFor('a', 1))
    send('GET')
    await time.pass(10)
    backends[0]!.fate = () => 'none'
    send('POST', '/late')
    await time.pass(100)
    follower.decide(decisionFor('b', 2))
    await time.pass(10)
    assert.deepEqual(answers, ['200 fine', '200 fine'])
    assert.deepEqual(
      backends[1]!.requests.map(({ path }) => path),
      ['/late'],
    )
    assert.ok(backends[0]!.retired)
  })

  it('leaves alone for a pause whom it cannot reach, and reports it', async (t) => {
    const { time, follower, backends, answers, send } = startLane(t)
    follower.decide(decisionFor('a', 1))
    const [a] = backends
    a!.fate = () => refused
    send('GET')
    await time.pass(100)
    assert.ok(follower.reports.length > 1, 'it is reported for as long as it lasts')
    a!.fate = () => ({ status: 200, body: 'back' })
    await time.pass(pauseMaxMs)
    assert.deepEqual(answers, ['200 back'])
  })

  it('asks for a session again after a pause', async (t) => {
    const { time, follower, backends, answers, send } = startLane(t)
    follower.decide(decisionFor('a', 1))
    const [a] = backends
    const { session } = a!
    a!.session = () => ({ status: 500 })
    send('POST')
    await time.pass(50)
    assert.deepEqual(answers, [])
    a!.session = session
    await time.pass(pauseMaxMs)
    assert.deepEqual(answers, ['200 fine'])
  })

  it('asks for a session anew when the request for it went over a connection of which nothing is heard, while others answer', async (t) => {
    const { time, follower, backends, answers, send } = startLane(t)
    follower.decide(decisionFor('a', 1))
    const [a] = backends
    const { session } = a!
    a!.session = () => 'none'
    send('POST')
    await time.pass(10)
    a!.session = session
    for (let turns = 0; turns < 8; turns++) {
      send('GET')
      await time.pass(100)
    }
    assert.deepEqual(answers, Array(9).fill('200 fine'))
  })

  it('gives up requests to a backend that says nothing to anybody', async (t) => {
    const { time, follower, backends, answers, send } = startLane(t)
    follower.decide(decisionFor('a', 1))
    backends[0]!.fate = () => 'none'
    send('GET')
    await time.pass(limits.timeMs * 1.2)
    assert.deepEqual(answers, ['held too long'])
    assert.ok(backends[0]!.asked.length > 0, 'it was asked for a sign of life first')
  })

  it('reports whom no connection can be made to although old ones stand, again and again, and nobody else', async (t) => {
    const { time, follower, backends, answers, send } = startLane(t)
    follower.decide(decisionFor('a', 1))
    const [a] = backends
    send('GET')
    await time.pass(10)
    a!.fate = () => 'none'
    const error = Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })
    a!.reachable = { error }
    send('GET')
    await time.pass(limits.timeMs / 2)
    assert.deepEqual(follower.reports, [])
    await time.pass(limits.timeMs / 4)
    assert.ok(follower.reports.length > 1)
    for (const report of follower.reports) assert.deepEqual(report, { incarnation: 'a-1', epoch: 1, kind: 'timed-out' })
    const { length } = follower.reports
    follower.decide(decisionFor('b', 2))
    for (const late of a!.asked) late(error)
    await time.pass(limits.timeMs)
    assert.equal(follower.reports.length, length)
    assert.deepEqual(answers, ['200 fine', '200 fine'])
  })

  it('asks nobody whether it lives who answers now and then', async (t) => {
    const { time, follower, backends, send } = startLane(t)
    follower.decide(decisionFor('a', 1))
    backends[0]!.fate = ({ path }) => (path === '/slow' ? 'none' : { status: 200 })
    send('GET', '/slow')
    for (let turns = 0; turns < 20; turns++) {
      send('GET', '/quick')
      await time.pass(40)
    }
    assert.deepEqual(backends[0]!.asked, [])
  })

  it('repeats at once what a broken connection took along', async (t) => {
    const { time, follower, backends, answers, send } = startLane(t)
    follower.decide(decisionFor('a', 1))
    let sendings = 0
    backends[0]!.fate = () => (sendings++ === 0 ? cut : { status: 200, body: 'fine' })
    send('GET')
    await time.pass(5)
    assert.deepEqual(answers, ['200 fine'])
  })

  it('leaves no timer behind when it is closed', async (t) => {
    const { time, follower, backends, lane, send } = startLane(t)
    follower.decide(decisionFor('a', 1))
    const [a] = backends
    a!.session = () => ({ status: 500 })
    send('POST')
    await time.pass(10)
    a!.fate = () => refused
    send('GET')
    await time.pass(30)
    assert.ok(time.waiting > 0)
    lane.close()
    await time.pass(5) // for what is on its way
    assert.equal(time.waiting, 0)
  })
})
