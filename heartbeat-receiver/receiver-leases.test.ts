import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Effect } from './events.ts'
import { inheritedLeaseMs, leaseMsAt } from './lease-ledger.ts'
import { World } from './receiver-world.ts'

/** a leads with epoch 1 and has a lease, b and c follow; the time is 1000, and a was heard last at 905. */
function threeBackends(options: { direct?: boolean } = {}): World & { grants: string[] } {
  const grants: string[] = []
  const world = Object.assign(new World(), { grants })
  world.onEffect = (effect) => note(world, effect)
  world.start('a', options)
  world.run(10)
  world.start('b')
  world.start('c')
  world.run(990)
  world.take()
  return world
}

function note(world: World & { grants: string[] }, effect: Effect): void {
  if (effect.type !== 'send' || effect.message.type !== 'ack' || !effect.message.lease) return
  const to = [...world.backends.values()].find(({ connection }) => connection === effect.connection)
  const { epoch, forMs } = effect.message.lease
  world.grants.push(`${Math.round(world.nowMs)} ${to?.incarnation} epoch ${epoch} for ${forMs}`)
}

const records = (world: World) => world.take().filter((line) => line.includes('record'))

describe('receiver: a lease', () => {
  it('is granted to the active alone, with every answer to its heartbeats', () => {
    const world = threeBackends()
    world.grants.splice(0)
    world.run(300)
    assert.deepEqual(
      world.grants,
      [1005, 1105, 1205].map((atMs) => `${atMs} a-1 epoch 1 for 200`),
    )
  })

  it('is granted once the decision is durable, and not before, though its backend leads already', () => {
    const world = threeBackends()
    world.recordMs = 250
    world.kill('a')
    world.grants.splice(0)
    world.run(400)
    assert.ok(world.take().includes('1004 ready b-2 epoch 2'))
    assert.deepEqual(world.grants, ['1304 b-2 epoch 2 for 200'])
  })

  it('is granted only while authority holds, and nothing is decided without', () => {
    const world = threeBackends()
    world.renewing = false
    world.run(200)
    world.grants.splice(0)
    world.run(300)
    world.kill('a')
    world.run(1_000)
    assert.deepEqual(world.grants, [])
    assert.deepEqual(records(world), [])
    world.renewing = true
    world.run(60)
    assert.equal(records(world).length, 1)
  })

  it('is not granted to who is suspected', () => {
    const world = threeBackends()
    world.grants.splice(0)
    world.get('a').process = 'frozen' // its probe hangs in the backlog
    world.report('a', 'timed-out')
    world.get('a').process = 'running'
    world.beat(world.get('a'))
    assert.deepEqual(world.grants, [])
    world.run(105)
    assert.equal(world.grants.length, 1)
  })

  it('is not granted to who is to be replaced', () => {
    const world = threeBackends()
    world.grants.splice(0)
    Object.assign(world.get('a'), { unsettledMs: 2_300 })
    world.run(300)
    assert.deepEqual(
      world.grants.filter((line) => line.includes('a-1')),
      [],
    )
  })

  it('is granted again once balancers have stopped to say that they cannot reach its holder, if nobody else could be named', () => {
    const world = new World()
    const grants: string[] = []
    world.onEffect = (effect) => note(Object.assign(world, { grants }), effect)
    world.start('a')
    for (let report = 0; report < 4; report++) {
      world.run(500)
      world.report('a', 'timed-out', 'balancer')
    }
    world.run(5_000)
    grants.splice(0)
    world.run(1_000)
    assert.equal(grants.length, 10)
    world.take()
    world.start('b', { weight: 2 })
    world.run(1_000)
    assert.deepEqual(records(world), [], 'what was said long ago deposes nobody')
  })

  it('is not granted before its backend has claimed under the new epoch, though it serves under the old one', () => {
    const world = threeBackends()
    Object.assign(world.get('a').options, { claimMs: 250 })
    world.input({ type: 'seen', epoch: 5 })
    world.grants.splice(0)
    world.run(400)
    assert.deepEqual(
      world.grants.map((line) => line.slice(5)),
      Array(2).fill('a-1 epoch 6 for 200'),
    )
  })

  it('is not granted to a zombie, nor under the epoch of a reign that is over', () => {
    const world = threeBackends()
    world.freeze('a')
    world.run(400)
    world.grants.splice(0)
    const { reign, phase } = world.get('a')
    world.get('a').process = 'running'
    Object.assign(world.get('a'), { reign, phase })
    world.run(300)
    assert.ok(world.grants.length >= 2)
    assert.ok(
      world.grants.every((line) => line.includes('b-2 epoch 2')),
      world.grants.join('\n'),
    )
  })
})

describe('receiver: nobody else is named while a lease may stand', () => {
  it('when its holder is out of reach: its silence is judged, and its lease has run out', () => {
    const world = threeBackends()
    world.heartbeatMs = 10_000 // a's next heartbeat is far
    world.run(6)
    world.cut('a')
    Object.assign(world.get('b'), { nextBeatMs: 1_100 })
    world.get('a').connection = null
    world.start('a', { phase: 'starting' }) // a new incarnation of the name: no proof that the old one is dead
    world.run(300)
    assert.deepEqual(records(world), ['1210 record epoch 2 b-2: a new incarnation of a joined'])
  })

  it('unless its holder is proven dead', () => {
    const world = threeBackends()
    world.run(6)
    world.kill('a')
    world.run(10)
    assert.match(records(world)[0]!, /^1007 record/)
  })

  it('or said goodbye, which it does after it dropped its lease', () => {
    const world = threeBackends()
    world.run(6)
    world.goodbye('a')
    assert.match(records(world)[0]!, /^1006 record/)
  })

  it('or stepped down: who does not serve has no lease', () => {
    const world = threeBackends()
    world.run(6)
    world.get('a').phase = 'standby'
    world.beat(world.get('a'))
    assert.match(records(world)[0]!, /^1006 record epoch 2 b-2: a stepped down/)
  })

  it('but a refusal alone frees nothing: who refuses a higher epoch may serve on under its lease', () => {
    const world = threeBackends()
    const a = world.get('a')
    a.refusing = 'not now'
    world.input({ type: 'seen', epoch: 5 })
    world.run(60)
    a.process = 'frozen'
    world.take()
    world.run(1_000)
    const [record] = records(world).filter((line) => line.includes('b-2'))
    assert.ok(record && Number.parseInt(record, 10) >= 1_205, record ?? 'b is never named')
  })
})

describe('receiver: leases of a receiver before', () => {
  it('are waited for: another than the active it found is named only after them', () => {
    const world = threeBackends()
    world.freeze('a')
    world.restart(world.core.decisions, world.nowMs + 5_000)
    for (const name of ['b', 'c']) world.connect(world.get(name))
    world.run(4_900)
    assert.deepEqual(records(world), [])
    world.run(200)
    assert.match(records(world)[0]!, /^6000 record epoch 3 b-2/)
  })

  it('are as long as the one that granted them has recorded, and a receiver that grants shorter ones records so until they are over', () => {
    const world = threeBackends()
    const restart = (heartbeatMs: number, ...names: string[]) => {
      world.heartbeatMs = heartbeatMs
      const leaseMs = inheritedLeaseMs(world.journaled!, leaseMsAt(heartbeatMs))
      world.restart([world.journaled!], world.nowMs + leaseMs)
      for (const name of names) world.connect(world.get(name))
    }
    const recorded = () => [world.journaled?.name, world.journaled?.leaseMs]
    assert.deepEqual(recorded(), ['a', 200])
    restart(1_000, 'a', 'b', 'c')
    world.run(1_100)
    assert.deepEqual(recorded(), ['a', 2_000])
    assert.match(world.grants.at(-1)!, /a-1 epoch \d for 2000/)
    restart(100, 'a', 'b', 'c')
    world.freeze('a') // it never hears that it is named again, and goes on under its long lease
    world.run(100)
    assert.deepEqual(recorded(), ['a', 2_000], 'what it was granted before may still last')
    const sinceMs = world.nowMs
    restart(100, 'a', 'b', 'c')
    const claims: number[] = []
    world.onClaim = () => claims.push(world.nowMs)
    world.run(1_990)
    assert.deepEqual(claims, [])
    world.run(100)
    assert.ok(claims[0]! >= sinceMs + 2_000)
    assert.deepEqual(recorded(), ['b', 200], 'they are over')
  })

  it('do not count for the active it found, which is named again at once, under an epoch that nobody was told early', () => {
    const world = threeBackends()
    world.grants.splice(0)
    world.restart(world.core.decisions, world.nowMs + 5_000)
    for (const name of ['a', 'b', 'c']) world.connect(world.get(name))
    world.run(300)
    assert.deepEqual(records(world), ['1000 record epoch 3 a-1: a stays, under a new receiver'])
    assert.match(world.grants[0]!, /a-1 epoch 3/, 'no lease before that is durable and claimed')
  })

  it('end with the proven death of the active it found', () => {
    const world = threeBackends()
    world.get('a').process = 'dead'
    world.restart(world.core.decisions, world.nowMs + 5_000)
    for (const name of ['b', 'c']) world.connect(world.get(name))
    world.run(20)
    assert.match(records(world)[0]!, /^1001 record epoch 3 b-2/)
  })

  it('and with a proof of its death that comes after its silence was judged', () => {
    const world = threeBackends()
    const { incarnation } = world.get('a')
    world.freeze('a')
    world.restart(world.core.decisions, world.nowMs + 5_000)
    for (const name of ['b', 'c']) world.connect(world.get(name))
    world.run(2_500)
    assert.deepEqual(records(world), [], 'it is judged, and not proven dead')
    world.input({ type: 'probed', incarnation, outcome: 'refused' })
    assert.match(records(world)[0]!, /^3500 record epoch 3 b-2/)
  })

  it('and with its death that was proven before this receiver led', () => {
    const world = threeBackends()
    const { decisions } = world.core
    world.restart(decisions)
    world.input({ type: 'deauthorized' })
    for (const name of ['a', 'b', 'c']) world.connect(world.get(name))
    world.kill('a')
    world.run(50)
    assert.deepEqual(records(world), [])
    world.authorize(decisions, world.nowMs + 5_000)
    assert.match(records(world)[0]!, /^1050 record epoch 3 b-2/)
  })

  it('who was told early by a receiver before, and wakes late, claims below the active that was named again', () => {
    const world = threeBackends()
    world.recordMs = null
    world.freeze('b')
    world.kill('a')
    world.run(5)
    assert.deepEqual(
      world.core.decisions[0]?.incarnation,
      'b-2',
      'told to b, who cannot hear it yet, and never durable',
    )
    world.recordMs = 2
    world.get('a').process = 'running' // a was not dead after all
    Object.assign(world.get('b').options, { attempt: 3 })
    const { journaled } = world
    world.restart([journaled!])
    for (const name of ['a', 'b', 'c']) world.connect(world.get(name))
    world.run(100)
    const claims: string[] = []
    world.onClaim = ({ incarnation }) => claims.push(incarnation)
    assert.ok(world.readsByLease(world.get('a')))
    world.resume('b')
    world.run(50)
    assert.deepEqual(claims, [], 'its claim is void, whatever its attempt')
    assert.ok(world.readsByLease(world.get('a')))
  })
})
