import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LeadershipWorld } from './leadership-world.ts'

describe('leadership, under whatever may happen', () => {
  it('never has two authorities at once, nor takes a lease for over that lasts: 400 worlds of 8 s', () => {
    let changes = 0
    for (let seed = 1; seed <= 400; seed++) {
      const world = new LeadershipWorld(seed, 2 + (seed % 2), true)
      while (world.nowMs < 8_000) {
        const wrong = world.step()
        assert.equal(wrong, null, `seed ${seed}: ${wrong}`)
      }
      changes += world.journal.filter(({ type, valid }) => type === 'claim' && valid).length
    }
    assert.ok(changes > 1_000, `leaders have changed often enough to tell: ${changes}`)
  })

  it('stays with its leader while nothing happens', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new LeadershipWorld(seed, 3, false)
      while (world.nowMs < 3_000) assert.equal(world.step(), null)
      assert.equal(world.journal.filter(({ type, valid }) => type === 'claim' && valid).length, 1)
      assert.equal(world.authorised.length, 1)
    }
  })

  it('has a new leader with authority soon after the old one was killed, and within the detection time if it hangs', () => {
    for (let seed = 1; seed <= 50; seed++) {
      for (const [fault, withinMs] of [
        ['kill', 100],
        ['pause', 400],
      ] as const) {
        const world = new LeadershipWorld(seed, 2, false)
        while (world.authorised.length === 0 || world.nowMs < 500) assert.equal(world.step(), null)
        const [leader] = world.authorised
        const sinceMs = world.nowMs
        if (fault === 'kill') world.kill(leader!)
        else world.pause(leader!, 5_000)
        while (!world.authorised.some((one) => one !== leader)) assert.equal(world.step(), null)
        assert.ok(world.nowMs - sinceMs <= withinMs, `seed ${seed}: ${fault} took ${world.nowMs - sinceMs} ms`)
      }
    }
  })
})
