import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { parseRequestHeader, type RequestNote, requestHeader, sessionsPath } from '../checkpoint/request-headers.ts'
import type { Outgoing } from './sending.ts'
import { sessionsMax } from './session.ts'
import { furtherSessionMs, sessionPatienceMaxMs, sessionPatienceMs } from './session-keeper.ts'
import type { Fate } from './virtual-connections.ts'
import { decisionFor, startLane } from './virtual-lane.ts'

const holdTimeMs = 10_000

function startWithActive(t: TestContext) {
  const lane = startLane(t, { timeMs: holdTimeMs })
  lane.follower.decide(decisionFor('a', 1))
  const a = lane.backends[0]!
  return { ...lane, a, asked: () => a.arrivals.filter(({ path }) => path === sessionsPath).length }
}

function noteOf({ headers }: Outgoing): RequestNote {
  return parseRequestHeader(headers[headers.indexOf(requestHeader) + 1]!)!
}

const large: Fate = { status: 200, body: 'x'.repeat(60_000) }

describe('a session', () => {
  for (const tookMs of [600, 3_000, 5_000]) {
    it(`is there for all writes when the journal takes ${tookMs} ms for it, which is more than the first patience`, async (t) => {
      const { time, a, answers, send, asked } = startWithActive(t)
      a.session = () => a.given(tookMs)
      send('POST')
      send('POST')
      await time.pass(tookMs + 20)
      assert.deepEqual(answers, ['200 fine', '200 fine'])
      const tries = asked()
      assert.ok(tries <= 4, `asked for ${tries} times`)
      await time.pass(60_000)
      assert.equal(asked(), tries, 'nobody waits for what was asked beside it')
      assert.equal(a.waiting().length, 0)
    })
  }

  it('is asked for with a patience that doubles, twice at a time at most, and no more once nobody waits for it', async (t) => {
    const { time, a, answers, send, asked } = startWithActive(t)
    a.session = () => 'none'
    const asking = () => a.waiting().filter(({ left }) => left).length
    for (let turn = 0; turn < 12; turn++) {
      send('POST')
      await time.pass(2_500)
      assert.ok(asking() <= 2)
    }
    const tries = asked()
    assert.ok(tries >= 5 && tries <= 2 + Math.log2(sessionPatienceMaxMs / sessionPatienceMs) + 3, `${tries} tries`)
    await time.pass(holdTimeMs + 2 * sessionPatienceMaxMs)
    assert.deepEqual(new Set(answers), new Set(['held too long']))
    assert.equal(asking(), 0)
    a.session = () => a.given()
    send('POST')
    await time.pass(10)
    assert.equal(answers.at(-1), '200 fine')
  })

  it('is waited for where it was asked first, though what was asked beside it failed', async (t) => {
    const { time, a, answers, send, asked } = startWithActive(t)
    a.session = () => (asked() === 0 ? a.given(1_200) : { status: 503 })
    send('POST')
    await time.pass(1_300)
    assert.deepEqual(answers, ['200 fine'])
  })

  it('that came leaves nothing under way of what was asked beside it', async (t) => {
    const { time, a, answers, send, asked } = startWithActive(t)
    a.session = () => (asked() === 0 ? 'none' : a.given())
    send('POST')
    await time.pass(sessionPatienceMs + 20)
    assert.deepEqual(answers, ['200 fine'])
    assert.equal(a.waiting().length, 0)
  })

  it('that is asked for anew after it was given is asked for with the first patience', async (t) => {
    const { time, a, answers, send, asked } = startWithActive(t)
    a.session = () => a.given(3_000)
    send('POST')
    await time.pass(5_000)
    a.fate = ({ headers }) =>
      headers.join().includes('a-1')
        ? { status: 410, headers: { 'x-heartline-refused': 'session-ended' } }
        : { status: 200 }
    const before = asked()
    a.session = () => (asked() === before ? 'none' : a.given())
    send('POST')
    await time.pass(sessionPatienceMs + 20)
    assert.deepEqual(answers, ['200 fine', '200 null'])
  })
})

describe('a request that is slow', () => {
  /** Writes with large answers, each of which is answered at once; tells their notes. */
  async function writes(world: ReturnType<typeof startWithActive>, count: number, everyMs = 3): Promise<RequestNote[]> {
    const before = world.a.requests.length
    for (let turn = 0; turn < count; turn++) {
      const { length } = world.answers
      world.send('POST')
      await world.time.pass(everyMs)
      assert.equal(world.answers.length, length + 1)
    }
    return world.a.requests.slice(before).map(noteOf)
  }

  async function withSlow(t: TestContext) {
    const world = startWithActive(t)
    world.a.fate = ({ path }) => (path === '/slow' ? 'none' : large)
    world.send('POST', '/slow')
    await world.time.pass(10)
    return world
  }

  it('makes others go on in a session of their own, and none of them waits for that', async (t) => {
    const world = await withSlow(t)
    await writes(world, 5)
    world.a.session = () => world.a.given(500)
    const notes = await writes(world, 600)
    assert.deepEqual([...new Set(notes.map(({ session }) => session))], ['a-1', 'a-2'])
    const ofFirst = notes.filter(({ session }) => session === 'a-1')
    assert.ok(ofFirst.length > 150, 'the first goes on until the second is there')
    const last = notes.at(-1)!
    assert.ok(last.number - last.lowestWaiting < 2)
  })

  it('is sent to the next active under its number, though that is of a session that others have left', async (t) => {
    const world = await withSlow(t)
    const notes = await writes(world, 400)
    assert.equal(notes.at(-1)!.session, 'a-2')
    const slow = noteOf(world.a.requests[0]!)
    world.follower.decide(decisionFor('b', 2))
    await world.time.pass(10)
    const [replay, ...others] = world.backends[1]!.requests
    assert.deepEqual([replay!.path, others.length], ['/slow', 0])
    const { session, number, lowestWaiting, replays } = noteOf(replay!)
    assert.deepEqual([session, number, lowestWaiting, replays], ['a-1', slow.number, slow.number, 1])
    assert.equal(world.answers.at(-1), '200 fine')
  })

  it('gives its session back: the next write says there that nothing before it is waited for', async (t) => {
    const world = await withSlow(t)
    assert.equal((await writes(world, 400)).at(-1)!.session, 'a-2')
    world.a.waiting()[0]!.give('silent')
    const [note] = await writes(world, 1)
    assert.equal(world.answers.filter((answer) => answer === 'held too long').length, 1)
    assert.equal(note!.session, 'a-1')
    assert.equal(note!.lowestWaiting, note!.number)
  })

  it('again and again makes a balancer ask for a session once a second at most, and for no more than it may have', async (t) => {
    const world = await withSlow(t)
    const askedAtMs: number[] = []
    world.a.session = () => {
      askedAtMs.push(world.time.now())
      return world.a.given()
    }
    for (let turn = 0; turn < 24; turn++) {
      world.send('POST', '/slow')
      await writes(world, 70, 16)
    }
    assert.equal(world.asked(), sessionsMax)
    for (const [index, atMs] of askedAtMs.slice(1).entries()) assert.ok(atMs - askedAtMs[index]! >= furtherSessionMs)
  })

  it('asks no more often for a session when none is given, and the writes go on', async (t) => {
    const world = await withSlow(t)
    await writes(world, 5)
    world.a.session = () => ({ status: 503 })
    await writes(world, 2_000)
    assert.ok(world.asked() >= 5 && world.asked() <= 8, `${world.asked()} times in 6 s`)
  })
})
