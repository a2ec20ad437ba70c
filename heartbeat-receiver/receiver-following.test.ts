import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { World } from './receiver-world.ts'

/** A receiver that follows, with three backends that another one leads: a is active under epoch 4. */
function following(): World {
  const world = new World({ authorized: false })
  for (const name of ['a', 'b', 'c']) world.start(name)
  Object.assign(world.get('a'), { phase: 'active', reign: [4, 0] })
  world.journalReign = [4, 0]
  world.run(300)
  follow(world, 'a', 4)
  world.run(300)
  return world
}

function follow(world: World, name: string, epoch: number): void {
  const { incarnation } = world.get(name)
  const decision = { shard: 0, epoch, name, incarnation, url: `http://${name}`, exactlyOnce: true, direct: true }
  world.input({ type: 'followed', decisions: [decision] })
}
const leads = (world: World) => world.core.decisions.map(({ incarnation, epoch }) => `${incarnation} epoch ${epoch}`)

describe('receiver: one that follows', () => {
  it('tells what another decided, once', () => {
    const world = following()
    follow(world, 'a', 4)
    assert.deepEqual(world.take(), ['300 decided a-1 epoch 4'])
    follow(world, 'b', 5)
    assert.deepEqual(world.take(), ['600 decided b-2 epoch 5'])
    assert.deepEqual(leads(world), ['b-2 epoch 5'])
  })

  it('decides nothing, says no lead, grants nothing, and answers heartbeats with the epoch', () => {
    const world = following()
    world.take()
    const acks: object[] = []
    world.onEffect = (effect) => {
      if (effect.type === 'send' && effect.message.type === 'ack') acks.push(effect.message)
    }
    world.input({ type: 'authority', untilMs: Number.POSITIVE_INFINITY })
    world.kill('a')
    world.run(2_000)
    assert.ok(acks.length > 30)
    assert.ok(acks.every((ack) => 'epoch' in ack && ack.epoch === 4 && !('lease' in ack)))
    const trace = world.take().filter((line) => !line.includes('probe'))
    assert.deepEqual(trace, [
      '600 suspected a-1: its connection was closed',
      '601 left a-1: its connection was closed and a new one was refused',
    ])
  })

  it('that becomes the one that decides tells of no crash that it only took for one: the active is well', () => {
    const world = following()
    const { decisions } = world.core
    world.cut('a') // from this receiver alone
    world.run(1_000)
    world.connect(world.get('a'))
    world.run(60_000)
    world.take()
    world.authorize(decisions)
    world.run(500)
    const trace = world.take()
    assert.ok(trace.some((line) => line.includes('a stays, under a new receiver')))
    assert.deepEqual(
      trace.filter((line) => line.includes('crashed')),
      [],
    )
  })

  it('that becomes the one that decides tells of the crash that made it necessary', () => {
    const world = following()
    const { decisions } = world.core
    world.take()
    world.kill('a')
    world.run(100)
    world.authorize(decisions)
    world.run(100)
    assert.deepEqual(world.take().slice(3), [
      '700 record epoch 6 b-2: its connection was closed and a new one was refused',
      '702 lead b-2 epoch 6',
      '702 decided b-2 epoch 6',
      '702 crashed a: its connection was closed and a new one was refused; leader b now',
      '705 ready b-2 epoch 6',
      '705 failed-over in 105',
    ])
  })

  it('tells of no crash with what another decides later, if it only lost sight of the active for a while', () => {
    for (const [back, crashes] of [
      [true, []],
      [false, ['a']],
    ] as const) {
      const world = following()
      const crashed: string[] = []
      world.onEffect = (effect) => {
        if (effect.type === 'crashed') crashed.push(effect.crash.name)
      }
      world.cut('a')
      world.get('a').process = back ? 'running' : 'dead'
      world.run(2_000)
      if (back) world.connect(world.get('a'))
      world.run(1_000)
      follow(world, 'b', 5)
      assert.deepEqual(crashed, crashes)
    }
  })

  it('leaves that to another that has decided it', () => {
    const world = following()
    world.kill('a')
    world.run(100)
    world.journalReign = [5, 0]
    Object.assign(world.get('b'), { phase: 'active', reign: [5, 0] })
    follow(world, 'b', 5)
    world.authorize(world.core.decisions)
    world.run(1_000)
    assert.deepEqual(
      world.take().filter((line) => line.includes('crashed')),
      [],
    )
    assert.deepEqual(leads(world), ['b-2 epoch 7'], 'and names again who leads')
  })
})

describe('receiver: one that leads no longer', () => {
  it('decides nothing more, and forgets the decision whose record was under way', () => {
    const world = new World()
    for (const name of ['a', 'b', 'c']) world.start(name)
    world.run(500)
    world.recordMs = 50
    world.kill('a')
    world.run(10)
    world.input({ type: 'deauthorized' })
    world.take()
    world.run(1_000)
    assert.deepEqual(world.take(), [])
    follow(world, 'c', 7)
    assert.deepEqual(leads(world), ['c-3 epoch 7'])
  })

  it('takes no old record for that of a decision of its next leadership', () => {
    const world = new World()
    for (const name of ['a', 'b', 'c']) world.start(name)
    world.run(500)
    world.recordMs = null
    const { journaled } = world
    world.kill('a')
    world.run(10)
    world.input({ type: 'deauthorized' })
    world.authorize([journaled!])
    world.input({ type: 'recorded', epoch: 2 })
    world.run(10)
    assert.deepEqual(leads(world), ['a-1 epoch 1'], 'its own decision is not durable yet')
  })
})
