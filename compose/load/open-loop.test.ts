import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OpenLoop } from './open-loop.ts'

const settings = { ratePerSecond: 1_000, durationMs: 10, clients: 2 }

function takeAll(loop: OpenLoop, nowMs: number) {
  const taken = []
  for (let next = loop.take(nowMs); next; next = loop.take(nowMs)) taken.push(next)
  return taken
}

test('nothing is sent before its intended time', () => {
  const loop = new OpenLoop(settings, 100)
  assert.equal(loop.take(99.9), undefined)
  assert.deepEqual(loop.take(100), { client: 0, intendedMs: 100 })
  assert.equal(loop.take(100.9), undefined)
  assert.equal(loop.nextMs(), 101)
  assert.deepEqual(loop.take(101), { client: 1, intendedMs: 101 })
})

test('a request that finds all clients busy waits, and keeps its intended time', () => {
  const loop = new OpenLoop(settings, 0)
  takeAll(loop, 4)
  assert.equal(loop.waiting(4), 3)
  assert.equal(loop.nextMs(), undefined)
  loop.release(1)
  assert.deepEqual(loop.take(7), { client: 1, intendedMs: 2 })
  assert.equal(loop.waiting(7), 5)
})

test('clients take turns, the longest idle first', () => {
  const loop = new OpenLoop(settings, 0)
  const clients = [0, 1, 2, 3].map((nowMs) => {
    const next = loop.take(nowMs)!
    loop.release(next.client)
    return next.client
  })
  assert.deepEqual(clients, [0, 1, 0, 1])
})

test('an end keeps what was intended before it', () => {
  const loop = new OpenLoop({ ...settings, durationMs: Number.POSITIVE_INFINITY, clients: 1 }, 0)
  loop.take(0)
  loop.end(2.5)
  assert.equal(loop.exhausted, false)
  assert.equal(loop.waiting(1_000), 2)
  assert.equal(loop.abandon(1_000), 2)
  assert.equal(loop.exhausted, true)
})

test('every intended request is sent once, whenever clients come free', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ stepMs: fc.nat(5), releases: fc.nat(3) }), { maxLength: 50 }), (turns) => {
      const loop = new OpenLoop(settings, 0)
      const busy: number[] = []
      const intended: number[] = []
      let nowMs = 0
      for (const { stepMs, releases } of [...turns, ...Array(10).fill({ stepMs: 10, releases: 2 })]) {
        nowMs += stepMs
        for (const client of busy.splice(0, releases)) loop.release(client)
        for (const next of takeAll(loop, nowMs)) {
          assert.ok(!busy.includes(next.client) && next.intendedMs <= nowMs)
          busy.push(next.client)
          intended.push(next.intendedMs)
        }
      }
      assert.deepEqual(
        intended,
        Array.from({ length: 10 }, (_, index) => index),
      )
      assert.ok(loop.exhausted)
    }),
  )
})
