import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { World } from './receiver-world.ts'

/** a leads with epoch 1, b and c follow; the time is 1000. */
function threeBackends(): World {
  const world = new World()
  world.start('a')
  world.run(10)
  world.start('b')
  world.start('c')
  world.run(990)
  assert.deepEqual(
    world.core.views(world.nowMs).map(({ name, active, phase }) => `${name} ${phase} ${active}`),
    ['a active true', 'b standby false', 'c standby false'],
  )
  world.take()
  return world
}
const leads = (world: World) => world.core.decisions.map(({ incarnation, epoch }) => `${incarnation} epoch ${epoch}`)

describe('receiver: its journal', () => {
  it('decides nothing before it has read it, and answers heartbeats all the same', () => {
    const world = new World({ authorized: false })
    let acks = 0
    world.onEffect = (effect) => {
      if (effect.type === 'send' && effect.message.type === 'ack') acks++
    }
    world.start('a')
    world.run(1_000)
    assert.ok(acks >= 10)
    assert.deepEqual(world.take(), [])
    world.authorize([])
    world.run(10)
    assert.deepEqual(leads(world), ['a-1 epoch 1'])
  })

  it('keeps the active of a decision from before, and names it anew above whatever a receiver before may have said', () => {
    const world = threeBackends()
    const { decisions } = world.core
    world.restart(decisions)
    world.run(1_500)
    for (const name of ['b', 'c', 'a']) world.connect(world.get(name))
    world.run(3_000)
    const trace = world.take().filter((line) => !line.includes('probe'))
    assert.deepEqual(trace, [
      '2500 record epoch 3 a-1: a stays, under a new receiver',
      '2502 lead a-1 epoch 3',
      '2502 decided a-1 epoch 3',
      '2505 ready a-1 epoch 3',
    ])
  })

  it('names the active anew only once it is ready: one that is restoring is waited for', () => {
    const world = threeBackends()
    world.restart(world.core.decisions)
    Object.assign(world.get('a'), { phase: 'starting', reign: [0, 0] }) // named, and it never began
    world.connect(world.get('a'))
    world.run(1_000)
    assert.deepEqual(leads(world), ['a-1 epoch 1'])
    world.get('a').phase = 'standby'
    world.run(200)
    assert.deepEqual(leads(world), ['a-1 epoch 3'])
  })

  it('replaces an active that died together with the receiver, by a probe', () => {
    const world = threeBackends()
    const { decisions } = world.core
    world.get('a').process = 'dead'
    world.restart(decisions)
    world.run(20)
    world.connect(world.get('b'))
    world.run(20)
    assert.deepEqual(leads(world), ['b-2 epoch 3'])
  })

  it('replaces an active that does not come back in time', () => {
    const world = threeBackends()
    const { decisions } = world.core
    world.restart(decisions)
    world.connect(world.get('b'))
    world.run(1_900)
    assert.deepEqual(leads(world), ['a-1 epoch 1'])
    world.run(200)
    assert.deepEqual(leads(world), ['b-2 epoch 3'])
  })

  it('lost: keeps the backend that serves, under a new epoch above its own', () => {
    const world = threeBackends()
    world.restart([])
    world.connect(world.get('b'))
    world.run(1_000)
    assert.deepEqual(leads(world), [], 'b is caught up, but the journal shows a reign and its holder may yet come')
    world.connect(world.get('a'))
    world.run(100)
    assert.deepEqual(leads(world), ['a-1 epoch 2'])
  })

  it('lost, and the holder with it: elects another after a while', () => {
    const world = threeBackends()
    world.get('a').process = 'dead'
    world.restart([])
    world.connect(world.get('b'))
    world.run(2_100)
    assert.deepEqual(leads(world), ['b-2 epoch 2'])
  })

  it('restored from an old copy: goes above every epoch that a follower has seen', () => {
    const world = threeBackends()
    world.input({ type: 'seen', epoch: 41 })
    world.run(100)
    assert.deepEqual(leads(world), ['a-1 epoch 42'])
  })

  it('not writable for a while: the decision under way is recorded again as it is, and the next one waits', () => {
    const world = threeBackends()
    world.recordMs = null
    world.kill('a')
    world.run(3_000)
    assert.deepEqual(leads(world), ['b-2 epoch 2'], 'told before it is durable')
    world.kill('b')
    world.run(1_000)
    assert.deepEqual(leads(world), ['b-2 epoch 2'], 'one decision ahead of the journal, and no more')
    assert.equal(world.core.serving, null)
    const records = world.take().filter((line) => line.includes('record'))
    assert.ok(records.length >= 3 && records.every((line) => line.includes('record epoch 2 b-2')), records.join('\n'))
    world.recordMs = 2
    world.run(2_000)
    assert.deepEqual(leads(world), ['c-3 epoch 3'])
  })

  it('closes a connection that reports an epoch which leaves no room', () => {
    const world = threeBackends()
    world.get('b').reign = [Number.MAX_SAFE_INTEGER, 0]
    world.beat(world.get('b'))
    assert.match(world.take()[0]!, /close 1008/)
    world.kill('a')
    world.run(100)
    assert.match(leads(world)[0]!, / epoch 2$/)
  })
})
