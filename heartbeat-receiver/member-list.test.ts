import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Effect } from './events.ts'
import { gatheringMs } from './member-list.ts'
import { changeMessages, wholeList } from './member-messages.ts'
import { type Member, messageBytesMax, type ToFollower } from './protocol.ts'
import { World } from './receiver-world.ts'

const member = (name: string, more: Partial<Member> = {}): Member => ({
  ...{ name, incarnation: `${name}-1`, url: `http://${name}`, weight: 1, exactlyOnce: false },
  ...{ phase: 'standby', lag: 0, ...more },
})

/** What was told of the members since the last call, with when. */
function told(world: World): string[] {
  return world
    .take()
    .filter((line) => line.includes(' members '))
    .map((line) => line.replace('members ', ''))
}

/** a leads, b and c follow; the time is 1000. */
function threeBackends(): World {
  const world = new World({ quiet: ['joined'] })
  world.start('a')
  world.run(10)
  world.start('b')
  world.start('c')
  world.run(990)
  return world
}

describe('members: a golden trace of', () => {
  it('a start: who is heard joins, who is starting does not, and after two seconds the list is whole', () => {
    const world = new World({ quiet: ['joined'] })
    world.start('a', { phase: 'starting' })
    world.start('b')
    world.run(50)
    assert.deepEqual(told(world), ['0 +b-2 standby', '10 +b-2 active'])
    world.get('a').phase = 'standby'
    world.run(gatheringMs)
    assert.deepEqual(told(world), ['100 +a-1 standby', '2000 whole'])
    world.run(10_000)
    assert.deepEqual(told(world), [], 'and nothing is said twice')
  })

  it('a death: the closed connection is enough, before anything is proven', () => {
    const world = threeBackends()
    told(world)
    world.kill('b')
    assert.deepEqual(told(world), ['1000 -b'])
    world.kill('a')
    world.run(50)
    assert.deepEqual(told(world), ['1000 -a', '1010 +c-3 active'])
  })

  it('a reset connection: out at once, and back with the new one', () => {
    const world = threeBackends()
    told(world)
    world.cut('b')
    assert.deepEqual(told(world), ['1000 -b'])
    world.run(55)
    world.connect(world.get('b'))
    world.run(50)
    assert.deepEqual(told(world), ['1060 +b-2 standby'])
  })

  it('a hang: out once it is judged, and back when it is heard again', () => {
    const world = threeBackends()
    told(world)
    world.freeze('b')
    world.run(500)
    assert.deepEqual(told(world), ['1120 -b'])
    world.resume('b')
    world.run(20)
    assert.deepEqual(told(world), ['1510 +b-2 standby'])
  })

  it('a report: out while it is probed, and back if its URL answers', () => {
    const world = threeBackends()
    world.run(35)
    told(world)
    world.report('b')
    world.run(30)
    assert.deepEqual(told(world), ['1035 -b', '1040 +b-2 standby'], 'before its next heartbeat')
  })

  it('an orderly stop and a goodbye: out at once', () => {
    const world = threeBackends()
    told(world)
    world.get('b').phase = 'stopping'
    world.beat(world.get('b'))
    world.goodbye('c')
    assert.deepEqual(told(world), ['1000 -b', '1000 -c'])
  })

  it('a new incarnation: the old one is out, the new one in once it says how it is', () => {
    const world = threeBackends()
    told(world)
    world.cut('b')
    world.start('b', { phase: 'starting' })
    world.run(50)
    assert.deepEqual(told(world), ['1000 -b'])
    world.get('b').phase = 'standby'
    world.run(100)
    assert.deepEqual(told(world), ['1100 +b-4 standby'])
  })

  it('a lag that changes with every heartbeat: told once a second, any other change at once and with the lag of then', () => {
    const world = threeBackends()
    told(world)
    const b = world.get('b')
    for (let tenth = 0; tenth < 25; tenth++) {
      b.lag = tenth + 1
      world.run(100)
      if (tenth === 12) b.phase = 'settling'
    }
    assert.deepEqual(told(world), [
      '1010 +b-2 standby lag 1',
      '2000 whole',
      '2010 +b-2 standby lag 11',
      '2310 +b-2 settling lag 14',
      '3010 +b-2 settling lag 21',
    ])
  })

  it('a death while a lag waits to be told: it is not told after', () => {
    const world = threeBackends()
    world.get('b').lag = 1
    world.run(100)
    world.get('b').lag = 2
    world.run(100)
    world.kill('b')
    world.run(3_000)
    assert.deepEqual(told(world).slice(-3), ['1010 +b-2 standby lag 1', '1200 -b', '2000 whole'])
  })
})

describe('members: whatever happens', () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const happening = fc.record({
    type: fc.constantFrom('kill', 'start', 'freeze', 'resume', 'cut', 'connect', 'goodbye', 'report', 'lag', 'phase'),
    name,
    thenMs: fc.constantFrom(0, 1, 5, 30, 120, 300, 2_500),
  })

  it('a follower that adds up what it is told knows who is there', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
        const world = new World()
        const known = new Map<string, Member>()
        world.onEffect = (effect) => add(known, effect)
        for (const one of ['a', 'b', 'c']) world.start(one)
        for (const { type, name, thenMs } of happenings) {
          const backend = world.get(name)
          if (type === 'start' && backend.process === 'dead') world.start(name)
          else if (type === 'kill') world.kill(name)
          else if (type === 'goodbye' && backend.process === 'running') world.goodbye(name)
          else if (type === 'freeze' && backend.process === 'running') world.freeze(name)
          else if (type === 'resume' && backend.process === 'frozen') world.resume(name)
          else if (type === 'cut') world.cut(name)
          else if (type === 'report') world.report(name)
          else if (type === 'connect' && backend.process === 'running' && backend.connection === null)
            world.connect(backend)
          else if (type === 'lag') backend.lag++
          else if (type === 'phase') backend.phase = backend.phase === 'starting' ? 'standby' : 'starting'
          world.run(thenMs)
          const views = new Map(world.core.views(world.nowMs).map((view) => [view.name, view]))
          for (const { name: one, incarnation } of known.values()) {
            const view = views.get(one)
            assert.ok(view?.alive && view.incarnation === incarnation, `${one} is there`)
            assert.ok(view.phase !== 'starting' && view.phase !== 'stopping', `${one} is ${view.phase}`)
          }
        }
        world.run(1_100) // time enough for a changed lag
        assert.deepEqual(
          [...known.values()].sort((one, other) => one.name.localeCompare(other.name)),
          [...world.core.members].sort((one, other) => one.name.localeCompare(other.name)),
        )
        for (const { name: one, process, connection, phase, lag, incarnation } of world.backends.values()) {
          const there = process === 'running' && connection !== null && phase !== 'starting'
          const is = known.get(one)
          assert.deepEqual(is && [is.incarnation, is.phase, is.lag], there ? [incarnation, phase, lag] : undefined)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('one that was never heard is no member', () => {
    const world = new World()
    world.input({
      type: 'hello',
      connection: 1,
      hello: {
        ...{ type: 'hello', version: 1, name: 'a', incarnation: 'a-1', url: 'http://a' },
        ...{ weight: 1, direct: true, exactlyOnce: true },
      },
    })
    world.run(100)
    assert.deepEqual([...world.core.members], [])
  })
})

describe('member messages', () => {
  const apply = (messages: Iterable<ToFollower>) => {
    const known = new Map<string, Member>()
    for (const message of messages) {
      assert.ok(Buffer.byteLength(JSON.stringify(message)) < messageBytesMax)
      if (message.type === 'members' || message.type === 'members-changed')
        for (const one of message.members) known.set(one.name, one)
    }
    return [...known.values()]
  }

  it('hold thousands of members, whatever their addresses look like, each below 64 KiB', () => {
    for (const filler of ['x', '\u{1f600}', '"', '\u0001', '\u20ac']) {
      const members = Array.from({ length: 3_000 }, (_, index) =>
        member(`n${index}`, { url: `http://h/${filler.repeat(2_000 / filler.length)}` }),
      )
      assert.deepEqual(apply(wholeList(members)), members)
      assert.deepEqual(apply(changeMessages({ members, left: [] })), members)
    }
    const left = Array.from({ length: 20_000 }, (_, index) => `${index}`.padStart(128, 'n'))
    const messages = [...changeMessages({ members: [], left })]
    apply(messages)
    assert.deepEqual(
      messages.flatMap((message) => (message.type === 'members-changed' ? message.left : [])),
      left,
    )
  })

  it('of a whole list begin with the first and end with the last, also of an empty one', () => {
    assert.deepEqual([...wholeList([])], [{ type: 'members', first: true, last: true, members: [] }])
    const members = Array.from({ length: 1_000 }, (_, index) => member(`n${index}`))
    const messages = [...wholeList(members)].map((message) => message.type === 'members' && message)
    assert.ok(messages.length > 2)
    assert.deepEqual(
      messages.map((message) => message && [message.first, message.last]),
      messages.map((_, index) => [index === 0, index === messages.length - 1]),
    )
    assert.deepEqual([...changeMessages({ members: [], left: [] })], [])
  })

  it('tell a slow reader of each member as it is when the message is taken', () => {
    const told = new Map(Array.from({ length: 1_000 }, (_, index) => [`n${index}`, member(`n${index}`)]))
    const messages = wholeList(told.values())
    messages.next()
    told.delete('n999')
    told.set('n998', member('n998', { phase: 'active' }))
    const rest = apply({ [Symbol.iterator]: () => messages })
    assert.equal(rest.at(-1)?.name, 'n998')
    assert.equal(rest.at(-1)?.phase, 'active')
  })
})

function add(known: Map<string, Member>, effect: Effect): void {
  if (effect.type !== 'members-changed') return
  for (const name of effect.left) assert.ok(known.delete(name), `${name} was known`)
  for (const one of effect.members) {
    assert.notDeepEqual(known.get(one.name), one, 'a change is one')
    known.set(one.name, one)
  }
}
