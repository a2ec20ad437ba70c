import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Drained } from './protocol.ts'
import { World } from './receiver-world.ts'

/** a leads with epoch 1, b and c follow; the time is 1000. */
function threeBackends(): World {
  const world = new World({ quiet: ['joined'] })
  world.start('a')
  world.run(10)
  world.start('b')
  world.start('c')
  world.run(990)
  world.take()
  return world
}

function drain(world: World, name: string, draining = true): void {
  world.input({ type: 'drain', asker: 7, name, draining })
}

/** The answers so far. */
function answersOf(world: World): Drained[] {
  const answers: Drained[] = []
  world.onEffect = (effect) => {
    if (effect.type === 'drained') answers.push(effect.result)
  }
  return answers
}
const leader = (world: World) => world.core.decisions[0]?.name

describe('receiver: a backend that drains', () => {
  it('is no member any more, and is passed over when the active is lost', () => {
    const world = threeBackends()
    drain(world, 'b')
    world.run(50)
    assert.deepEqual(world.take(), ['1000 drain', '1001 members -b', '1001 drained b'])
    world.kill('a')
    world.run(100)
    assert.equal(leader(world), 'c')
  })

  it('hands over in good order if it leads, and the answer comes when the other is ready', () => {
    const world = threeBackends()
    drain(world, 'a')
    world.run(300)
    const trace = world.take().filter((line) => !line.includes('members'))
    assert.deepEqual(trace, [
      '1000 drain',
      '1010 yield epoch 1',
      '1011 lead b-2 epoch 2',
      '1011 decided b-2 epoch 2',
      '1011 record epoch 2 b-2: a hands over, as planned',
      '1014 fenced a-1 by epoch 2',
      '1014 ready b-2 epoch 2',
      '1014 handed over from a to b',
      '1014 drained a',
    ])
  })

  it('is chosen for nothing: nobody leads rather than it, until it is undrained', () => {
    const world = threeBackends()
    drain(world, 'b')
    world.run(50)
    world.kill('c')
    world.kill('a')
    world.run(500)
    assert.equal(world.core.serving, null)
    drain(world, 'b', false)
    world.run(100)
    assert.equal(leader(world), 'b')
    assert.ok(world.take().some((line) => line.includes('undrained b')))
  })

  it('is one no longer when it is started anew', () => {
    const world = threeBackends()
    drain(world, 'b')
    world.run(50)
    world.kill('b')
    world.start('b')
    world.run(50)
    assert.equal(world.core.sightings(world.nowMs).find(({ backend }) => backend.name === 'b')!.backend.draining, false)
  })

  it('is known to a receiver that leads later, which goes on with it', () => {
    const world = threeBackends()
    drain(world, 'b')
    drain(world, 'a')
    world.run(5) // a drains, and has not handed over yet
    world.restart([world.journaled!])
    for (const backend of world.backends.values()) world.connect(backend)
    world.run(1_000)
    assert.equal(leader(world), 'c')
  })

  it('leads on as long as nobody can take over, and hands over as soon as somebody can', () => {
    const world = threeBackends()
    const answers = answersOf(world)
    drain(world, 'a')
    for (const name of ['b', 'c']) world.kill(name)
    world.run(7_000)
    assert.equal(leader(world), 'a')
    assert.deepEqual(
      [answers[0]!.failure, answers[0]!.reason],
      ['timed-out', 'a is draining, and nobody has taken over yet'],
    )
    world.start('d')
    world.run(100)
    assert.equal(leader(world), 'd')
  })

  it('is not handed over to, by name or as whoever is next', () => {
    const world = threeBackends()
    drain(world, 'b')
    world.run(50)
    const handOver = (to?: string) => {
      world.input({ type: 'hand-over', follower: 3, request: { type: 'hand-over', shard: 0, ...(to ? { to } : {}) } })
      world.run(300)
    }
    handOver('b')
    assert.equal(leader(world), 'a')
    handOver()
    assert.equal(leader(world), 'c')
  })
})

describe('receiver: drained and undrained in quick succession', () => {
  /** What b was told; what it says is its `says`. */
  const hearing = (world: World) => {
    const heard = { told: [] as boolean[], says: false }
    const set = (draining: boolean) => void heard.told.push(draining)
    Object.defineProperty(world.get('b'), 'draining', { get: () => heard.says, set })
    return heard
  }

  it('it is told both, in order, also where its last heartbeat says so already', () => {
    const world = threeBackends()
    const heard = hearing(world)
    drain(world, 'b')
    world.run(7_000) // timed out, and may be under way yet
    drain(world, 'b', false)
    world.run(200)
    assert.deepEqual(heard.told, [true, false])
  })

  it('the second is refused until the first is said: no heartbeat could be told to be from after both', () => {
    const world = threeBackends()
    const answers = answersOf(world)
    drain(world, 'b')
    drain(world, 'b', false)
    world.run(500)
    assert.deepEqual(
      answers.map(({ draining, failure }) => [draining, failure]),
      [
        [false, 'not-ready'],
        [true, undefined],
      ],
    )
    assert.equal(world.get('b').draining, true)
  })

  it('the second ends the first that waits for another to lead, and is done when that is said', () => {
    const world = threeBackends()
    const answers = answersOf(world)
    drain(world, 'a')
    for (const name of ['b', 'c']) world.kill(name)
    world.run(500)
    drain(world, 'a', false)
    assert.deepEqual(
      answers.map(({ draining, reason }) => [draining, reason]),
      [[true, 'a was undrained meanwhile']],
    )
    world.run(100)
    assert.deepEqual([answers.length, answers[1]!.failure, world.get('a').draining], [2, undefined, false])
  })

  it('no heartbeat from before it was asked for says that it is done', () => {
    const world = threeBackends()
    const answers = answersOf(world)
    drain(world, 'b', false)
    assert.equal(answers.length, 0)
    world.run(200)
    assert.equal(answers[0]!.failure, undefined)
  })
})

describe('receiver: a drain is refused', () => {
  const refusal = (prepare: (world: World) => void, name = 'a') => {
    const world = threeBackends()
    prepare(world)
    const answers = answersOf(world)
    drain(world, name)
    assert.equal(answers.length, 1, 'at once')
    world.run(50)
    assert.ok(!world.take().includes(`${world.nowMs} drain`))
    assert.equal(
      world.core.sightings(world.nowMs).some(({ backend }) => backend.draining && backend.name === name),
      false,
    )
    return answers[0]!.failure
  }

  it('where nobody else could take over', () => {
    const killAll = (world: World) => {
      for (const name of ['b', 'c']) world.kill(name)
      world.run(50)
    }
    assert.equal(refusal(killAll), 'no-successor')
    const drainAll = (world: World) => {
      for (const name of ['b', 'c']) drain(world, name)
      world.run(50)
    }
    assert.equal(refusal(drainAll), 'no-successor')
    const drainAllAtOnce = (world: World) => {
      for (const name of ['b', 'c']) drain(world, name)
    }
    assert.equal(refusal(drainAllAtOnce), 'no-successor')
    const onlyOne = (world: World) => {
      world.kill('a')
      world.kill('b')
      world.run(100)
    }
    assert.equal(refusal(onlyOne, 'c'), 'no-successor')
  })

  it('of a backend that is not there, is not known, or does not know how to', () => {
    assert.equal(
      refusal((world) => world.kill('b'), 'b'),
      'not-ready',
    )
    assert.equal(
      refusal(() => undefined, 'x'),
      'unknown-name',
    )
    const old = (world: World) => {
      world.start('old', { knowsDrain: false })
      world.run(200)
    }
    assert.equal(refusal(old, 'old'), 'not-ready')
  })

  it('by a receiver that does not lead', () => {
    assert.equal(
      refusal((world) => world.input({ type: 'deauthorized' }), 'b'),
      'not-leading',
    )
  })

  it('and answered with why, if the backend is gone or says nothing', () => {
    const world = threeBackends()
    const answers = answersOf(world)
    world.freeze('b')
    drain(world, 'b')
    world.run(7_000)
    assert.equal(answers[0]!.failure, 'not-ready')
    const silent = threeBackends()
    const told = answersOf(silent)
    silent.get('b').options.knowsDrain = false
    const backend = silent.get('b')
    Object.defineProperty(backend, 'draining', { get: () => false, set: () => undefined })
    drain(silent, 'b')
    silent.run(7_000)
    assert.deepEqual([told[0]!.failure, told[0]!.reason], ['timed-out', 'b does not say that it did'])
    const unheard = threeBackends()
    const answered = answersOf(unheard)
    const active = unheard.get('a')
    Object.defineProperty(active, 'draining', { get: () => false, set: () => undefined })
    drain(unheard, 'a')
    unheard.run(7_000)
    assert.equal(answered[0]!.reason, 'a does not say that it did')
  })
})

it('receiver: whoever is drained and undrained, in whatever order, somebody leads who does not drain, if anybody can', () => {
  const names = ['a', 'b', 'c'] as const
  const step = fc.record({
    name: fc.constantFrom(...names),
    draining: fc.boolean(),
    thenMs: fc.constantFrom(0, 1, 5, 400),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const world = threeBackends()
      const answers = answersOf(world)
      for (const { name, draining, thenMs } of steps) {
        drain(world, name, draining)
        world.run(thenMs)
      }
      world.run(10_000)
      assert.equal(answers.length, steps.length, 'each is answered once')
      const rows = world.core.sightings(world.nowMs).map(({ backend }) => backend)
      const active = rows.find(({ active }) => active)!
      assert.equal(active.phase, 'active')
      assert.ok(!active.draining || rows.every(({ draining }) => draining), 'it drains only if all do')
    }),
    { numRuns: 200 },
  )
})
