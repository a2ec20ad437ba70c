import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { World } from './receiver-world.ts'

/** a leads with epoch 1, b and c follow; the time is 1000. */
function threeStarted(): World {
  const world = new World()
  world.start('a')
  world.run(10)
  world.start('b')
  world.start('c')
  world.run(990)
  world.take()
  return world
}
const leads = (world: World) => world.core.decisions.map(({ incarnation, epoch }) => `${incarnation} epoch ${epoch}`)

describe('receiver: a golden trace, where standbys are behind, of', () => {
  it('a crash while the only standby is still restoring: it is named as soon as it is ready, and never before', () => {
    const world = new World()
    world.start('a')
    world.run(10)
    world.start('b', { phase: 'starting', offset: 300 })
    world.get('b').lag = 700
    world.run(990)
    world.take()
    const starting: unknown[] = []
    world.onEffect = (effect) => effect.type === 'vacant' && starting.push(...effect.starting)
    world.get('b').progress = { ratio: 0.3, remainingMs: 100 }
    world.run(100)
    world.kill('a')
    world.run(900)
    assert.deepEqual(starting, [{ name: 'b', ratio: 0.3 }], 'who is waited for is told')
    Object.assign(world.get('b'), { offset: 1_000, lag: 0 })
    world.run(1_000)
    world.get('b').phase = 'standby'
    world.beat(world.get('b'))
    world.run(100)
    assert.deepEqual(world.take().slice(2), [
      '1101 left a-1: its connection was closed and a new one was refused',
      '1101 crashed a: its connection was closed and a new one was refused; leader none',
      '1101 vacant: its connection was closed and a new one was refused',
      '3000 lead b-2 epoch 2',
      '3000 decided b-2 epoch 2',
      '3000 record epoch 2 b-2: its connection was closed and a new one was refused',
      '3003 ready b-2 epoch 2',
      '3003 failed-over in 1903',
    ])
  })

  it('a crash while a heavier standby catches up: however fast it does, one that is abreast leads', () => {
    const world = new World()
    world.start('a')
    world.run(10)
    world.start('b', { weight: 9 })
    world.start('c')
    world.onTime = (passedMs) => {
      for (const name of ['a', 'c']) world.get(name).offset += passedMs
      const { offset } = world.get('b')
      world.get('b').offset = Math.min(world.get('c').offset - 100, offset + 0.5 * passedMs)
      world.get('b').lag = world.get('c').offset - world.get('b').offset
    }
    world.run(1_000) // b reads half of what is written,
    world.onTime = (passedMs) => {
      for (const name of ['a', 'c']) world.get(name).offset += passedMs
      world.get('b').offset += 2 * passedMs // then twice as much
      world.get('b').lag = world.get('c').offset - world.get('b').offset
    }
    world.run(440)
    const { lag } = world.get('b')
    assert.ok(
      lag > 110 && lag < 190,
      `${lag} is less than it reads from one heartbeat to the next, and more than is written`,
    )
    world.kill('a')
    world.run(10)
    assert.deepEqual(leads(world), ['c-3 epoch 2'])
  })

  it('a crash with all standbys behind: the furthest is named at once, reads on, and is not passed over meanwhile', () => {
    const world = threeStarted()
    Object.assign(world.get('b'), { offset: 100, lag: 900 })
    Object.assign(world.get('c'), { offset: 400, lag: 600 })
    world.run(200)
    world.missing = ({ lag }) => lag
    world.onTime = (passedMs) => {
      const { offset, lag } = world.get('c')
      const read = Math.min(lag, passedMs * 0.1)
      Object.assign(world.get('c'), { offset: offset + read, lag: lag - read })
    }
    world.kill('a')
    world.run(10_000)
    const trace = world.take().filter((line) => !line.includes('lead c'))
    assert.deepEqual(trace.slice(2), [
      '1201 left a-1: its connection was closed and a new one was refused',
      '1201 decided c-3 epoch 2',
      '1201 record epoch 2 c-3: its connection was closed and a new one was refused',
      '1201 crashed a: its connection was closed and a new one was refused; leader c now',
      '7204 ready c-3 epoch 2',
      '7204 failed-over in 6004',
    ])
  })
})
