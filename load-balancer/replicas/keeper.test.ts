import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Keeper, type KeeperEffect, type KeeperEvent, type KeeperSettings } from './keeper.ts'

const settings: KeeperSettings = {
  spawnTimeoutMs: 1_000,
  backOffFirstMs: 100,
  backOffMaxMs: 400,
  healthyMs: 5_000,
  crashesMax: 5,
  crashWindowMs: 60_000,
}

/** A keeper with a clock that only the test moves. */
function kept(more: Partial<KeeperSettings> = {}) {
  const keeper = new Keeper({ ...settings, ...more })
  let nowMs = 0
  return {
    keeper,
    take: (event: KeeperEvent) => keeper.take(event, nowMs),
    pass: (ms: number) => {
      nowMs += ms
      return keeper.take({ type: 'tick' }, nowMs)
    },
    nowMs: () => nowMs,
  }
}
const spawn = (name: string, run: number): KeeperEffect => ({ type: 'spawn', name, run })

describe('a server that is kept', () => {
  it('is spawned at once, joins when it is ready, and leaves when it is removed, before it is stopped', () => {
    const { keeper, take } = kept()
    assert.deepEqual(take({ type: 'add', names: ['a', 'b'] }), [spawn('a', 1), spawn('b', 2)])
    assert.deepEqual(take({ type: 'ready', name: 'a', run: 1 }), [{ type: 'join', name: 'a', run: 1 }])
    assert.deepEqual(take({ type: 'remove', names: ['a'] }), [
      { type: 'leave', name: 'a' },
      { type: 'stop', name: 'a', run: 1, why: 'removed' },
    ])
    assert.deepEqual(keeper.names, ['b'])
    assert.deepEqual(take({ type: 'exited', name: 'a', run: 1, reason: 'ended' }), [])
    assert.equal(keeper.state('a'), undefined)
  })

  it('leaves at once when it exits, and is spawned again after a pause that doubles to its bound', () => {
    const { keeper, take, pass } = kept()
    take({ type: 'add', names: ['a'] })
    take({ type: 'ready', name: 'a', run: 1 })
    const [left] = take({ type: 'exited', name: 'a', run: 1, reason: 'was killed by SIGKILL' })
    assert.deepEqual(left, { type: 'leave', name: 'a' })
    assert.deepEqual(keeper.names, ['a'])
    for (const [index, delayMs] of [100, 200, 400].entries()) {
      assert.deepEqual(pass(delayMs - 1), [])
      assert.deepEqual(pass(1), [spawn('a', index + 2)])
      const [crashed] = take({ type: 'exited', name: 'a', run: index + 2, reason: 'ended with exit code 1' })
      if (index < 2) assert.equal(crashed?.type, 'crashed')
      if (crashed?.type === 'crashed') assert.equal(crashed.delayMs, [200, 400, 400][index])
    }
  })

  it('is well again after it served long enough: its next crash is a first one', () => {
    const { take, pass } = kept()
    take({ type: 'add', names: ['a'] })
    for (let run = 1; run < 20; run += 1) {
      take({ type: 'ready', name: 'a', run })
      pass(settings.healthyMs)
      const effects = take({ type: 'exited', name: 'a', run, reason: 'x' })
      assert.deepEqual(effects[1], { type: 'crashed', name: 'a', reason: 'x', crashes: 1, delayMs: 100 })
      pass(100)
    }
  })

  it('is given up after so many crashes in so long, with the last reason, and is not tried again until it is added', () => {
    const { keeper, take, pass } = kept()
    let effects = take({ type: 'add', names: ['a', 'b'] })
    for (let crash = 1; crash <= settings.crashesMax; crash += 1) {
      const begun = effects.find((effect) => effect.type === 'spawn' && effect.name === 'a')!
      assert.equal(begun.type, 'spawn')
      const exited = take({ type: 'exited', name: 'a', run: (begun as { run: number }).run, reason: `reason ${crash}` })
      if (crash === settings.crashesMax)
        assert.deepEqual(exited, [{ type: 'gave up', name: 'a', reason: 'reason 5', crashes: 5 }])
      else effects = pass(400)
    }
    assert.deepEqual([keeper.names, keeper.givenUp], [['b'], ['a']])
    assert.deepEqual(
      pass(1_000_000).filter(({ name }) => name === 'a'),
      [],
    )
    assert.equal(take({ type: 'add', names: ['a'] })[0]?.type, 'spawn')
    assert.deepEqual([keeper.names, keeper.givenUp], [['b', 'a'], []])
  })

  it('is not given up for crashes that lie further apart', () => {
    const { keeper, take, pass } = kept({ crashWindowMs: 1_000 })
    let run = 1
    take({ type: 'add', names: ['a'] })
    for (; run < 50; run += 1) {
      take({ type: 'exited', name: 'a', run, reason: 'x' })
      pass(400)
    }
    assert.deepEqual(keeper.names, ['a'])
  })

  it('is stopped if it accepts no connections in time, and that is its crash', () => {
    const { take, pass } = kept()
    take({ type: 'add', names: ['a'] })
    assert.deepEqual(pass(999), [])
    assert.deepEqual(pass(1), [{ type: 'stop', name: 'a', run: 1, why: 'too slow' }])
    assert.deepEqual(take({ type: 'exited', name: 'a', run: 1, reason: 'was killed by SIGTERM' }), [
      { type: 'crashed', name: 'a', reason: 'did not accept connections within 1000 ms', crashes: 1, delayMs: 100 },
    ])
  })

  it('is spawned under its name only once its forerunner has ended', () => {
    const { keeper, take } = kept()
    take({ type: 'add', names: ['a'] })
    take({ type: 'remove', names: ['a'] })
    assert.deepEqual(keeper.names, [])
    assert.deepEqual(take({ type: 'add', names: ['a'] }), [])
    assert.deepEqual(keeper.names, ['a'])
    assert.deepEqual(take({ type: 'exited', name: 'a', run: 1, reason: 'ended' }), [spawn('a', 2)])
  })

  it('may not be added twice', () => {
    const { take } = kept()
    take({ type: 'add', names: ['a'] })
    assert.throws(() => take({ type: 'add', names: ['a'] }), /kept already/)
  })
})

describe('news of a run that is over', () => {
  it('change nothing', () => {
    const { keeper, take, pass } = kept()
    take({ type: 'add', names: ['a'] })
    take({ type: 'exited', name: 'a', run: 1, reason: 'x' })
    pass(100)
    assert.deepEqual(take({ type: 'ready', name: 'a', run: 1 }), [])
    assert.deepEqual(take({ type: 'exited', name: 'a', run: 1, reason: 'x' }), [])
    assert.equal(keeper.state('a')?.state, 'starting')
  })
})

it('the end stops all, the last first, and nothing is spawned after', () => {
  const { keeper, take, pass } = kept()
  take({ type: 'add', names: ['a', 'b', 'c'] })
  take({ type: 'exited', name: 'b', run: 2, reason: 'x' })
  assert.deepEqual(
    take({ type: 'end' }).map((effect) => [effect.type, effect.name]),
    [
      ['stop', 'c'],
      ['stop', 'a'],
    ],
  )
  take({ type: 'exited', name: 'a', run: 1, reason: 'x' })
  assert.deepEqual(take({ type: 'add', names: ['d'] }), [])
  assert.deepEqual(pass(1_000_000), [])
  assert.equal(keeper.nextTickMs, Number.POSITIVE_INFINITY)
})

it('whatever happens: one run a name, each stopped or ended, and a wanted one runs again unless it is given up', () => {
  const names = ['a', 'b', 'c']
  const step = fc.record({
    what: fc.constantFrom('add', 'remove', 'ready', 'exited', 'pass'),
    name: fc.constantFrom(...names),
    ms: fc.integer({ min: 0, max: 3_000 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { keeper, take, pass, nowMs } = kept()
      const alive = new Map<string, number>()
      const joined = new Set<string>()
      const act = (effects: readonly KeeperEffect[]) => {
        for (const effect of effects) {
          if (effect.type === 'spawn') {
            assert.ok(!alive.has(effect.name), 'two runs under one name')
            alive.set(effect.name, effect.run)
          }
          if (effect.type === 'stop') assert.equal(alive.get(effect.name), effect.run)
          if (effect.type === 'join') joined.add(effect.name)
          if (effect.type === 'leave') assert.ok(joined.delete(effect.name), 'left without having joined')
        }
      }
      for (const { what, name, ms } of steps) {
        const run = alive.get(name)
        if (what === 'add' && !keeper.names.includes(name)) act(take({ type: 'add', names: [name] }))
        if (what === 'remove') act(take({ type: 'remove', names: [name] }))
        if (what === 'ready' && run !== undefined) act(take({ type: 'ready', name, run }))
        if (what === 'pass') act(pass(ms))
        if (what === 'exited' && run !== undefined) {
          alive.delete(name)
          act(take({ type: 'exited', name, run, reason: 'x' }))
          assert.ok(!joined.has(name) || alive.has(name), 'still joined though it is gone')
        }
        for (const wanted of keeper.names)
          assert.ok(alive.has(wanted) || keeper.nextTickMs <= nowMs() + settings.backOffMaxMs, `${wanted} is forgotten`)
        for (const up of joined) assert.ok(alive.has(up) && keeper.names.includes(up))
      }
    }),
  )
})
