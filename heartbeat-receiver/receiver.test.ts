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

describe('receiver: a golden trace of', () => {
  it('a start: the first backend that is caught up leads, and stays', () => {
    const world = new World({ quiet: [] })
    world.run(50)
    world.start('a', { phase: 'starting' })
    world.run(50)
    world.get('a').phase = 'standby'
    world.beat(world.get('a'))
    world.run(100)
    world.start('b', { weight: 10 })
    world.run(2_000)
    assert.deepEqual(world.take(), [
      '0 vacant: no active was decided yet',
      '50 joined a-1',
      '100 record epoch 1 a-1: no active was decided yet',
      '102 lead a-1 epoch 1',
      '102 decided a-1 epoch 1',
      '105 ready a-1 epoch 1',
      '110 members +a-1 active',
      '200 joined b-2',
      '210 members +b-2 standby',
      '2000 members whole',
    ])
  })

  it('kill -9: the closed connection is evidence, the refused probe is proof, and all is decided at once', () => {
    const world = threeBackends()
    world.kill('a')
    world.run(500)
    assert.deepEqual(world.take(), [
      '1000 suspected a-1: its connection was closed',
      '1000 probe a-1',
      '1001 left a-1: its connection was closed and a new one was refused',
      '1001 lead b-2 epoch 2',
      '1001 decided b-2 epoch 2',
      '1001 record epoch 2 b-2: its connection was closed and a new one was refused',
      '1001 crashed a: its connection was closed and a new one was refused; leader b now',
      '1004 ready b-2 epoch 2',
      '1004 failed-over in 4',
    ])
  })

  it('a hang: silence alone is judged, and the zombie that comes back finds itself fenced and stays a standby', () => {
    const world = threeBackends()
    world.freeze('a')
    world.run(1_000)
    assert.deepEqual(world.take(), [
      '1110 suspected a-1: silent for 205 ms',
      '1110 left a-1: silent for 205 ms',
      '1110 lead b-2 epoch 2',
      '1110 decided b-2 epoch 2',
      '1110 record epoch 2 b-2: silent for 205 ms',
      '1110 crashed a: silent for 205 ms; leader b now',
      '1113 ready b-2 epoch 2',
      '1113 failed-over in 3',
    ])
    world.resume('a')
    world.run(1_000)
    assert.deepEqual(world.take(), ['2000 fenced a-1 by epoch 2'])
    assert.deepEqual(leads(world), ['b-2 epoch 2'])
  })

  it('a reset connection of the living: it is probed until it is back, and nothing is decided', () => {
    const world = threeBackends()
    world.cut('a')
    world.run(55)
    world.connect(world.get('a'))
    world.run(1_000)
    assert.deepEqual(world.take(), [
      '1000 suspected a-1: its connection was closed',
      '1000 probe a-1',
      '1020 probe a-1',
      '1050 probe a-1',
    ])
    assert.deepEqual(leads(world), ['a-1 epoch 1'])
  })

  it('a death that a middlebox hides: a refused connection proves nothing, so silence must', () => {
    const world = new World()
    world.start('a', { direct: false })
    world.start('b')
    world.run(1_000)
    world.take()
    world.kill('a')
    world.run(300)
    const [record] = world.take().filter((line) => line.includes('record'))
    assert.equal(record, '1110 record epoch 2 b-2: its connection was closed, silent for 205 ms')
  })

  it('a standby that dies: it is told, and nothing is decided', () => {
    const world = threeBackends()
    world.kill('b')
    world.run(500)
    assert.deepEqual(world.take(), [
      '1000 suspected b-2: its connection was closed',
      '1000 probe b-2',
      '1001 left b-2: its connection was closed and a new one was refused',
      '1001 crashed b: its connection was closed and a new one was refused; leader a still',
    ])
  })

  it('a goodbye of the active: no crash, and the next is named at once', () => {
    const world = threeBackends()
    world.goodbye('a')
    world.run(100)
    assert.deepEqual(world.take(), [
      '1000 left a-1: stopped',
      '1000 lead b-2 epoch 2',
      '1000 decided b-2 epoch 2',
      '1000 record epoch 2 b-2: stopped',
      '1003 ready b-2 epoch 2',
      '1003 failed-over in 3',
    ])
  })

  it('a death that its parent tells: proof without a probe, with the last lines, and nothing that comes later revives it', () => {
    const world = threeBackends()
    const a = world.get('a')
    const { connection } = a
    world.reapedBy('a', 'its process was killed by SIGKILL', ['out of', 'memory'])
    Object.assign(a, { process: 'running', connection })
    world.beat(a)
    world.run(100)
    assert.deepEqual(world.take(), [
      '1000 left a-1: its process was killed by SIGKILL',
      '1000 lead b-2 epoch 2',
      '1000 decided b-2 epoch 2',
      '1000 record epoch 2 b-2: its process was killed by SIGKILL',
      '1000 crashed a: its process was killed by SIGKILL; leader b now; out of | memory',
      '1003 ready b-2 epoch 2',
      '1003 failed-over in 3',
    ])
  })

  it('a goodbye, then a last heartbeat: gone is gone, though it serves until the next has claimed', () => {
    const world = threeBackends()
    const a = world.get('a')
    world.input({ type: 'goodbye', connection: a.connection!, goodbye: { type: 'goodbye', reason: 'stopped' } })
    for (const name of ['b', 'c']) world.kill(name)
    world.beat(a)
    world.run(500)
    assert.equal(world.core.serving, null)
    assert.ok(world.take().every((line) => !line.includes('record epoch 3 a-1')))
  })

  it('a death with nobody left: it is said once, and the first that comes leads', () => {
    const world = new World()
    world.start('a')
    world.run(1_000)
    world.take()
    world.kill('a')
    world.run(1_000)
    world.start('a')
    world.run(100)
    assert.deepEqual(world.take().slice(2), [
      '1001 left a-1: its connection was closed and a new one was refused',
      '1001 crashed a: its connection was closed and a new one was refused; leader none',
      '1001 vacant: its connection was closed and a new one was refused',
      '2000 lead a-2 epoch 2',
      '2000 decided a-2 epoch 2',
      '2000 record epoch 2 a-2: a new incarnation of a joined',
      '2003 ready a-2 epoch 2',
      '2003 failed-over in 1003',
    ])
  })

  it('an active cut off from its journal: deposed for a standby that can reach it', () => {
    const world = threeBackends()
    Object.assign(world.get('a'), { unsettledMs: 2_200 })
    world.run(200)
    assert.deepEqual(world.take(), [])
    Object.assign(world.get('a'), { unsettledMs: 2_300 })
    world.run(200)
    const [record] = world.take().filter((line) => line.includes('record'))
    assert.match(record!, /^1305 record epoch 2 b-2: a cannot reach its journal/, 'its last lease has run out by then')
  })

  it('an outage of the journal for all: nobody is deposed', () => {
    const world = threeBackends()
    for (const backend of world.backends.values()) backend.journalReachable = false
    world.run(100)
    Object.assign(world.get('a'), { unsettledMs: 9_000 })
    world.run(3_000)
    assert.deepEqual(world.take(), [])
  })

  it('a named backend that never begins: passed over; one that reads on is waited for', () => {
    const world = threeBackends()
    Object.assign(world.get('b').options, { claimMs: null })
    world.kill('a')
    for (let second = 0; second < 4; second++) {
      world.run(1_000)
      world.get('b').offset += 100 // slow catch-up
    }
    assert.deepEqual(leads(world), ['b-2 epoch 2'])
    world.run(2_000)
    world.take()
    world.run(1_000)
    assert.deepEqual(leads(world), ['b-2 epoch 2'], 'c is behind and no better')
    world.get('c').offset = world.get('b').offset
    world.run(200)
    assert.deepEqual(leads(world), ['c-3 epoch 3'])
    assert.match(world.take().join(), /record epoch 3 c-3: b did not begin its reign within 2250 ms/)
  })

  it('one that was named, does not begin its reign and connects anew again and again: the next is named', () => {
    const world = threeBackends()
    world.get('b').options.claimMs = null
    world.kill('a')
    for (let cut = 0; cut < 4; cut++) {
      world.run(1_000)
      world.cut('b')
      world.connect(world.get('b'))
    }
    assert.match(world.take().join(), /record epoch 3 c-3: b did not begin its reign within 2250 ms/)
  })

  it('a refusal: the next is named, and who refused is asked last and ever more seldom', () => {
    const world = threeBackends()
    world.get('b').refusing = 'not well'
    world.kill('a')
    world.run(100)
    assert.deepEqual(
      world.take().filter((line) => /record/.test(line)),
      [
        '1001 record epoch 2 b-2: its connection was closed and a new one was refused',
        '1003 record epoch 3 c-3: b refused: not well',
      ],
    )
    world.kill('c')
    world.run(8_000)
    const asked = world.take().filter((line) => /record/.test(line))
    assert.ok(asked.length >= 4 && asked.length <= 9, asked.join('\n'))
  })

  it('a step-down: who saw a higher reign is replaced above it', () => {
    const world = threeBackends()
    world.journalReign = [7, 0]
    world.get('a').phase = 'standby'
    world.beat(world.get('a'))
    world.run(100)
    assert.deepEqual(world.take().slice(0, 2), [
      '1000 fenced a-1 by epoch 7',
      '1000 record epoch 8 b-2: a stepped down: its journal shows epoch 7',
    ])
  })

  it('a balancer that cannot reach the active: the first report is probed, lasting ones depose', () => {
    const world = threeBackends()
    world.report('a', 'timed-out')
    world.run(500)
    assert.deepEqual(world.take(), ['1000 suspected a-1: balancer b says a connection timed out', '1000 probe a-1'])
    world.report('a', 'timed-out')
    world.run(500)
    world.report('a', 'timed-out')
    world.run(100)
    world.run(100)
    const [record] = world.take().filter((line) => line.includes('record'))
    assert.match(record!, /^21\d\d record epoch 2 b-2: a is unreachable for balancer b/, 'when its lease has run out')
  })

  it('a report of a dead active: the refused probe is proof', () => {
    const world = threeBackends()
    world.get('a').process = 'dead' // its host is gone: no connection is closed
    world.report('a')
    world.run(50)
    const reason = 'balancer b says a connection was refused and a new one was refused'
    assert.ok(world.take().includes(`1001 record epoch 2 b-2: ${reason}`))
  })
})

describe('receiver: names', () => {
  it('refuses a name that is alive under another incarnation, and touches nobody else', () => {
    const world = threeBackends()
    const first = world.get('a')
    world.start('a')
    world.backends.set('a', first)
    world.run(500)
    assert.deepEqual(world.take(), [
      '1000 close 4409: a is alive under another incarnation at http://a; choose another name',
    ])
    assert.deepEqual(leads(world), ['a-1 epoch 1'])
  })

  it('lets a new incarnation in while the old one is suspected, and names a successor under a higher epoch', () => {
    const world = threeBackends()
    world.cut('a')
    world.start('a', { phase: 'starting' })
    world.run(100)
    assert.deepEqual(leads(world), ['a-1 epoch 1'], 'the old one may live, and has a lease')
    world.run(50)
    assert.deepEqual(leads(world), ['b-2 epoch 2'])
    assert.ok(world.take().includes('1000 left a-1: a new incarnation took its place'))
  })

  it('closes the connection of a zombie whose name was taken over', () => {
    const world = threeBackends()
    world.freeze('a')
    world.run(500)
    world.take()
    world.start('a', { phase: 'starting' })
    assert.deepEqual(world.take(), ['1500 close 4409: a new incarnation of a took its place'])
  })

  it('refuses an incarnation that is known under another name', () => {
    const world = threeBackends()
    const { incarnation } = world.get('a')
    const hello = {
      type: 'hello',
      version: 1,
      name: 'z',
      incarnation,
      url: 'http://z',
      weight: 1,
      direct: true,
      exactlyOnce: true,
    } as const
    world.input({ type: 'hello', connection: 99, hello })
    assert.match(world.take()[0]!, /close 1008/)
  })
})

describe('receiver: time', () => {
  it('gives everyone grace when it has stalled itself', () => {
    const world = threeBackends()
    world.stall(5_000)
    world.run(1_000)
    assert.deepEqual(world.take(), [])
  })

  it('gives it for many short stalls as for a long one', () => {
    const world = threeBackends()
    world.freeze('a')
    for (let stall = 0; stall < 5; stall++) {
      world.run(10)
      world.stall(60)
    }
    world.resume('a')
    assert.deepEqual(world.take(), [], 'silent for 445 ms, most of which this receiver was not there to hear')
  })

  it('has patience with one whose event loop stands still at times, as it says', () => {
    const world = threeBackends()
    world.get('a').eventLoopDelayMs = 140
    world.run(100)
    world.freeze('a')
    world.run(340)
    assert.deepEqual(world.take(), [])
    world.run(110)
    assert.match(world.take()[0]!, /suspected a-1: silent for 455 ms/)
  })

  it('blames nobody while it hears nobody, and then not for ever', () => {
    const world = threeBackends()
    for (const name of ['a', 'b', 'c']) world.freeze(name)
    world.run(280)
    for (const name of ['a', 'b', 'c']) world.resume(name)
    world.run(100)
    assert.deepEqual(world.take(), [])
    for (const name of ['a', 'b', 'c']) world.freeze(name)
    world.run(1_200)
    assert.equal(world.take().filter((line) => / left /.test(line)).length, 3)
  })

  it('blames at once the only one there is', () => {
    const world = threeBackends()
    for (const name of ['b', 'c']) world.kill(name)
    world.run(10)
    world.take()
    world.freeze('a')
    world.run(220)
    assert.equal(world.take().filter((line) => / left /.test(line)).length, 1)
  })

  it('learns no patience from its own stall: who hangs seconds after it is found as soon as ever', () => {
    const world = threeBackends()
    world.stall(2_000)
    world.run(1_000)
    world.take()
    world.freeze('a')
    const frozenAtMs = world.nowMs
    world.run(400)
    const [record = ''] = world.take().filter((line) => line.includes('record'))
    assert.ok(Number(record.split(' ')[0]) - frozenAtMs <= 250, record || 'nobody was named')
  })

  it('still finds the one that hangs after its own stall', () => {
    const world = threeBackends()
    world.freeze('a')
    world.run(100)
    world.stall(1_000)
    world.run(200)
    assert.deepEqual(leads(world), ['b-2 epoch 2'])
  })

  it('closes a connection that stays silent long after its backend was judged', () => {
    const world = threeBackends()
    world.freeze('c')
    world.run(40_000)
    assert.ok(world.take().some((line) => line.endsWith('close 1008: silent for too long')))
  })

  it('forgets who is long gone', () => {
    const world = threeBackends()
    world.kill('c')
    world.run(700_000)
    assert.deepEqual(
      world.core.views(world.nowMs).map(({ name }) => name),
      ['a', 'b'],
    )
  })
})

describe('receiver: lead', () => {
  it('is said again until a heartbeat shows that the reign was taken', () => {
    const world = new World()
    world.start('a', { claimMs: null })
    world.run(1_000)
    const said = world.take().filter((line) => line.includes('lead'))
    assert.ok(said.length >= 8 && said.length <= 10, said.join('\n'))
    const taken = threeBackends()
    taken.run(1_000)
    assert.deepEqual(taken.take(), [])
  })

  it('is said to a backend that connects again before it took the reign', () => {
    const world = new World()
    world.start('a', { claimMs: null })
    world.run(50)
    world.cut('a')
    world.run(20)
    world.take()
    Object.assign(world.get('a').options, { claimMs: 3 })
    world.connect(world.get('a'))
    world.run(200)
    assert.ok(world.take().some((line) => line.endsWith('ready a-1 epoch 1')))
  })
})
