import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Crash, DecisionStory, Effect, RecordedDecision } from './events.ts'
import type { ReceiverEvent } from './protocol.ts'
import { World } from './receiver-world.ts'

type Decided = ReceiverEvent & { type: 'decided' }

/** What the core says for the board alone, as well as what it tells everybody. */
function watched(world: World) {
  const events: { event: ReceiverEvent; quiet: boolean }[] = []
  const crashes: { crash: Crash; quiet: boolean }[] = []
  const records: RecordedDecision[] = []
  world.onEffect = (effect: Effect) => {
    if (effect.type === 'publish') events.push({ event: effect.event, quiet: effect.quiet === true })
    if (effect.type === 'crashed') crashes.push({ crash: effect.crash, quiet: effect.quiet === true })
    if (effect.type === 'record') records.push(effect.decision)
  }
  const of = (type: string) => events.filter(({ event }) => event.type === type)
  return { of, crashes, records }
}

function followed(world: World, name: string, epoch: number, story?: DecisionStory): void {
  const { incarnation } = world.get(name)
  const decision = { shard: 0, epoch, name, incarnation, url: `http://${name}`, exactlyOnce: true, direct: true }
  world.input({ type: 'followed', decisions: [{ ...decision, ...(story && { story }) }] })
}

/** A receiver that follows; another leads, and a is active under epoch 4. */
function following() {
  const world = new World({ authorized: false })
  for (const name of ['a', 'b', 'c']) world.start(name)
  world.run(300)
  const seen = watched(world)
  followed(world, 'a', 4)
  return { world, ...seen }
}

describe('receiver: what it says for the board', () => {
  it('one that follows sees when a backend serves, and says so to nobody else', () => {
    const { world, of } = following()
    world.journalReign = [4, 0]
    Object.assign(world.get('a'), { phase: 'active', reign: [4, 0] })
    world.run(200)
    assert.deepEqual(
      of('ready').map(({ event, quiet }) => [(event as { epoch: number }).epoch, quiet]),
      [[4, true]],
    )
  })

  it('one that follows sees it also if the heartbeat was quicker than the journal', () => {
    const { world, of } = following()
    world.journalReign = [5, 0]
    Object.assign(world.get('b'), { phase: 'active', reign: [5, 0] })
    world.run(200)
    followed(world, 'b', 5)
    assert.deepEqual(
      of('ready').map(({ event, quiet }) => [(event as { epoch: number }).epoch, quiet]),
      [[5, true]],
    )
  })

  it('one that follows sees the crash of a standby at once, and that of the active with what the other decided', () => {
    const { world, crashes } = following()
    world.journalReign = [4, 0]
    Object.assign(world.get('a'), { phase: 'active', reign: [4, 0] })
    world.run(200)
    world.kill('c')
    world.run(50)
    assert.deepEqual(
      crashes.map(({ crash, quiet }) => [crash.name, crash.leader, crash.proven, quiet]),
      [['c', { name: 'a', epoch: 4, decided: false }, true, true]],
    )
    world.kill('a')
    world.run(50)
    assert.equal(crashes.length, 1)
    followed(world, 'b', 5)
    assert.deepEqual(
      [crashes[1]!.crash.name, crashes[1]!.crash.leader, crashes[1]!.quiet],
      [...['a', { name: 'b', epoch: 5, decided: true }, true]],
    )
  })

  it('the one that leads journals why and when it decided, and one that follows tells that', () => {
    const world = new World()
    const { records, of } = watched(world)
    world.start('a')
    world.start('b')
    world.run(500)
    world.kill('a')
    world.run(50)
    const { story } = records.at(-1)!
    const decided = of('decided').at(-1)!.event as Decided
    assert.deepEqual(story, {
      ...{ previous: 'a', reason: 'its connection was closed and a new one was refused', planned: false },
      ...{ detectedAtMs: decided.detectedAtMs, decidedAtMs: decided.atMs },
    })
    assert.equal('story' in decided.decision, false)
    assert.equal('leaseMs' in decided.decision, false)
    const other = following()
    followed(other.world, 'b', 5, { ...story!, planned: true })
    const told = other.of('decided').at(-1)!.event as Decided
    assert.deepEqual(
      [told.previous, told.reason, told.planned, told.detectedAtMs, told.decidedAtMs],
      ['a', story!.reason, true, story!.detectedAtMs, story!.decidedAtMs],
    )
    assert.equal('story' in told.decision, false)
    assert.equal('story' in other.world.core.decisions[0]!, false)
  })

  it('a handover that was asked for is told as planned, and nothing else is', () => {
    const world = new World()
    const { records, of } = watched(world)
    world.start('a')
    world.start('b')
    world.run(500)
    world.input({ type: 'hand-over', follower: 1, request: { type: 'hand-over', shard: 0 } })
    world.run(300)
    assert.deepEqual(
      of('decided').map(({ event }) => (event as Decided).planned),
      [undefined, true],
    )
    assert.deepEqual(
      records.map(({ story }) => story?.planned),
      [false, true],
    )
  })

  it('one that begins to lead says for the board alone which decision it found', () => {
    const world = new World({ authorized: false })
    const { of } = watched(world)
    world.start('a')
    const { incarnation } = world.get('a')
    world.authorize([{ shard: 0, epoch: 7, name: 'a', incarnation, url: 'http://a', exactlyOnce: true }])
    assert.deepEqual(
      of('decided').map(({ event, quiet }) => [(event as Decided).decision.epoch, quiet]),
      [[7, true]],
    )
    world.run(500)
    assert.deepEqual(
      of('decided').map(({ event, quiet }) => [(event as Decided).decision.epoch, quiet]),
      [
        [7, true],
        [9, false],
      ],
    )
  })

  it('counts heartbeats by incarnation, and shows the share of the silence that would be suspected', () => {
    const world = new World()
    world.start('a')
    world.run(1_000)
    const count = world.core.heartbeatsOf('a')
    assert.ok(count >= 10 && count <= 14, `${count}`)
    assert.equal(world.core.heartbeatsOf('nobody'), 0)
    world.freeze('a')
    const silences: number[] = []
    for (let step = 0; step < 30; step++) {
      world.run(10)
      silences.push(world.core.sightings(world.nowMs)[0]!.backend.silence)
    }
    assert.ok(silences[0]! < 0.7)
    assert.ok(silences.every((silence, index) => index === 0 || silence >= silences[index - 1]!))
    assert.equal(silences.at(-1), 1)
    const { backend, goneAtMs, journalReachable } = world.core.sightings(world.nowMs)[0]!
    assert.match(backend.gone!, /^silent for \d+ ms$/)
    assert.deepEqual([backend.alive, journalReachable, typeof goneAtMs], [false, null, 'number'])
    world.start('a')
    assert.equal(world.core.heartbeatsOf('a'), 1)
  })
})
