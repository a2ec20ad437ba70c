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
  world.take()
  return world
}
const ask = (world: World, to?: string) =>
  world.input({
    type: 'hand-over',
    follower: 7,
    request: { type: 'hand-over', shard: 0, ...(to !== undefined && { to }) },
  })
const answers = (world: World) => world.take().filter((line) => line.includes('handed over'))

describe('receiver: a planned handover', () => {
  it('goes: yield, yielded, the successor is named, it is ready, the answer', () => {
    const world = threeBackends()
    ask(world)
    world.run(300)
    assert.deepEqual(world.take(), [
      '1000 yield epoch 1',
      '1001 lead b-2 epoch 2',
      '1001 decided b-2 epoch 2',
      '1001 record epoch 2 b-2: a hands over, as planned',
      '1004 fenced a-1 by epoch 2',
      '1004 ready b-2 epoch 2',
      '1004 handed over from a to b',
    ])
  })

  it('goes to whom it is wanted to, if that one is abreast', () => {
    const world = threeBackends()
    ask(world, 'c')
    world.run(300)
    assert.deepEqual(answers(world), ['1004 handed over from a to c'])
  })

  it('is done at once if that one leads', () => {
    const world = threeBackends()
    ask(world, 'a')
    assert.deepEqual(world.take(), ['1000 handed over from a to a'])
  })

  it('waits for the lease of an active that does not know how to yield, and grants it none meanwhile', () => {
    const world = threeBackends()
    world.get('a').knowsYield = false
    world.run(6) // a's lease was granted at 1005
    ask(world)
    world.run(300)
    assert.deepEqual(answers(world), ['1208 handed over from a to b'])
  })

  it('an answer to another yield frees nothing', () => {
    const world = threeBackends()
    world.get('a').knowsYield = false
    world.run(6)
    ask(world)
    for (const [name, epoch] of [
      ['a', 9],
      ['b', 1],
    ] as const)
      world.input({ type: 'yielded', connection: world.get(name).connection!, epoch })
    world.run(100)
    assert.deepEqual(world.take(), ['1006 yield epoch 1'])
  })

  it('an unasked yielded frees nothing either', () => {
    const world = threeBackends()
    world.run(6)
    world.input({ type: 'yielded', connection: world.get('a').connection!, epoch: 1 })
    world.cut('a')
    world.start('a', { phase: 'starting' })
    world.run(100)
    assert.deepEqual(
      world.take().filter((line) => line.includes('record')),
      [],
    )
  })
})

describe('receiver: a planned handover is not done, and says why,', () => {
  const cases: [string, (world: World) => void, string | undefined, RegExp][] = [
    [
      'without a successor',
      (world) => ['b', 'c'].map((name) => world.kill(name)),
      undefined,
      /from a to a: no-successor/,
    ],
    ['to an unknown name', () => undefined, 'z', /from a to a: unknown-name/],
    ['to one that is behind', (world) => Object.assign(world.get('b'), { lag: 50, offset: -50 }), 'b', /: not-ready/],
    ['to one that starts', (world) => Object.assign(world.get('b'), { phase: 'starting' }), 'b', /: not-ready/],
    ['to one that is gone', (world) => world.kill('b'), 'b', /: not-ready/],
    [
      'to one that cannot reach the journal',
      (world) => Object.assign(world.get('b'), { journalReachable: false }),
      'b',
      /: not-ready/,
    ],
    ['without an active', (world) => ['a', 'b', 'c'].map((name) => world.kill(name)), undefined, /: no-active/],
    ['by a receiver that follows', (world) => world.input({ type: 'deauthorized' }), undefined, /: not-leading/],
  ]
  for (const [what, prepare, to, expected] of cases)
    it(what, () => {
      const world = threeBackends()
      prepare(world)
      world.run(120)
      world.take()
      ask(world, to)
      assert.match(answers(world)[0] ?? '', expected)
      world.run(200)
      assert.deepEqual(answers(world), [], 'one answer')
    })

  it('while another is under way', () => {
    const world = threeBackends()
    ask(world, 'b')
    ask(world, 'c')
    assert.deepEqual(answers(world), ['1000 handed over from a to a: not-ready'])
    world.run(100)
    assert.deepEqual(answers(world), ['1004 handed over from a to b'])
  })

  it('of another shard', () => {
    const world = threeBackends()
    world.input({ type: 'hand-over', follower: 7, request: { type: 'hand-over', shard: 3 } })
    assert.match(answers(world)[0]!, /: no-active/)
  })

  it('when the successor dies before it is named: the active is named again, and reads fast again', () => {
    const world = threeBackends()
    world.get('a').knowsYield = false
    ask(world, 'b')
    world.kill('b')
    world.run(50)
    const trace = world.take()
    assert.ok(trace.includes('1000 handed over from a to a: not-ready'), trace.join('\n'))
    assert.ok(trace.includes('1000 record epoch 2 a-1: a stays, as nobody could take over'), trace.join('\n'))
    world.run(100)
    assert.equal(world.readsByLease(world.get('a')), true)
  })

  it('when the successor refuses: another is named, and told', () => {
    const world = threeBackends()
    world.get('b').refusing = 'not well'
    ask(world, 'b')
    world.run(50)
    assert.match(answers(world)[0]!, /handed over from a to a: not-ready/)
    world.run(500)
    assert.equal([...world.backends.values()].filter(({ phase }) => phase === 'active').length, 1)
  })

  it('when the successor never begins', () => {
    const world = threeBackends()
    Object.assign(world.get('b').options, { claimMs: null })
    for (const name of ['a', 'c']) world.get(name).offset = -1 // nobody is better, so that it is not passed over
    ask(world, 'b')
    world.run(6_000)
    assert.deepEqual(answers(world), ['6000 handed over from a to b: timed-out'])
  })

  it('when the active dies meanwhile: whoever is named then leads, and is told', () => {
    const world = threeBackends()
    world.get('a').knowsYield = false
    ask(world, 'c')
    world.kill('a')
    world.run(50)
    const trace = world.take()
    assert.ok(trace.includes('1001 record epoch 2 b-2: its connection was closed and a new one was refused'))
    assert.match(trace.find((line) => line.includes('handed over')) ?? '', /from a to b: no-active/)
  })

  it('when this receiver leads no longer', () => {
    const world = threeBackends()
    world.get('a').knowsYield = false
    ask(world)
    world.input({ type: 'deauthorized' })
    assert.deepEqual(answers(world), ['1000 handed over from a to a: not-leading'])
  })
})
