import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Marks } from './record.ts'
import { Remembered } from './remembered.ts'

const limits = {
  sessionsMax: 2,
  sessionIdleMs: 1_000,
  sessionBytesMax: 1_000,
  sessionsBytesMax: 1_500,
  keysMax: 2,
  keyBytesMax: 1_000,
  keyAgeMs: 500,
}

type Recorded = Marks & { response?: unknown }

function rememberedAfter(...steps: [Recorded, number][]): Remembered {
  const remembered = new Remembered(limits)
  for (const [{ response = null, ...marks }, at] of steps) {
    remembered.record(marks, JSON.stringify(response))
    remembered.settle(marks, at)
  }
  return remembered
}

const request = (number: number, lowestWaiting: number, session = '1'): Recorded => ({
  request: [session, number, lowestWaiting],
  response: `r${number}`,
})

test('a number found again gives the recorded response, until its balancer is done with it', () => {
  const remembered = rememberedAfter([{ open: '1' }, 0], [request(1, 1), 1], [request(2, 1), 2])
  assert.deepEqual(remembered.findRequest('1', 1), { kind: 'recorded', response: '"r1"' })
  assert.deepEqual(remembered.findRequest('1', 3), { kind: 'new' })
  remembered.settle(request(3, 2), 3)
  assert.deepEqual(
    remembered.findRequest('1', 1),
    { kind: 'ended' },
    'a late copy of what is done with is refused, never run again',
  )
  assert.deepEqual(remembered.findRequest('1', 2), { kind: 'recorded', response: '"r2"' })
})

test('memory is what is in flight, not a window of history, also when the lowest number leaps', () => {
  const remembered = rememberedAfter([{ open: '1' }, 0])
  for (let number = 1; number <= 1_000; number++) {
    remembered.record(request(number, number - 2), '1')
    remembered.settle(request(number, number - 2), number)
  }
  assert.equal(remembered.counts().responses, 3)
  remembered.settle(request(1_001, Number.MAX_SAFE_INTEGER), 1_001)
  assert.equal(remembered.counts().responses, 0)
})

test('a session that is not open refuses: one never opened, and one that was ended', () => {
  const remembered = rememberedAfter([{ open: '1' }, 0], [{ end: '1' }, 1])
  assert.deepEqual(remembered.findRequest('1', 1), { kind: 'ended' })
  assert.deepEqual(remembered.findRequest('9', 1), { kind: 'ended' })
})

test('names of sessions are never used twice, and their count is bounded', () => {
  const remembered = rememberedAfter([{ open: '1' }, 0], [{ end: '1' }, 1])
  assert.equal(remembered.nextSession(), '2')
  remembered.record({ open: '2' }, 'null')
  remembered.record({ open: '3' }, 'null')
  assert.equal(remembered.nextSession(), undefined)
  remembered.unrecord({ open: '3' })
  assert.equal(remembered.nextSession(), '3', 'an opening that was taken back was never answered')
})

test('a session silent for long is ended by a journaled transaction, and one in use is not', () => {
  const remembered = rememberedAfter([{ open: '1' }, 0], [{ open: '2' }, 0], [request(1, 1, '1'), 900])
  assert.equal(remembered.expired(1_000), null)
  assert.deepEqual(remembered.expired(1_001), { end: '2' })
})

test('a client key is found again with the same request and refused with another', () => {
  const remembered = rememberedAfter([{ key: 'k', fingerprint: 'f', response: 7 }, 0])
  assert.deepEqual(remembered.findKey('k', 'f'), { kind: 'recorded', response: '7' })
  assert.deepEqual(remembered.findKey('k', 'g'), { kind: 'mismatch' })
})

test('full of young keys, a new one is refused; old ones are forgotten by a journaled transaction only', () => {
  const remembered = rememberedAfter([{ key: 'a', response: 1 }, 0], [{ key: 'b', response: 2 }, 300])
  assert.deepEqual(remembered.findKey('c', ''), { kind: 'full' })
  assert.equal(remembered.expired(500), null)
  const forget = remembered.expired(501)
  assert.deepEqual(forget, { forgetBefore: 1 })
  assert.equal(remembered.findKey('a', '').kind, 'recorded', 'deciding to forget forgets nothing')
  remembered.settle(forget!, 501)
  assert.deepEqual(remembered.findKey('a', ''), { kind: 'new' })
  assert.equal(remembered.findKey('b', '').kind, 'recorded')
})

test('when the lowest number leaps over many, exactly what is below is forgotten', () => {
  const remembered = rememberedAfter([{ open: '1' }, 0], [request(1, 1), 1], [request(99, 1), 2], [request(100, 1), 3])
  remembered.settle(request(100, 100), 4)
  assert.equal(remembered.findRequest('1', 99).kind, 'ended')
  assert.deepEqual(remembered.findRequest('1', 100), { kind: 'recorded', response: '"r100"' })
  assert.equal(remembered.counts().responses, 1)
})

test('a full session whose lowest number does not move is refused without a look at all its answers', (t) => {
  const remembered = rememberedAfter([{ open: '1' }, 0])
  for (let number = 2; remembered.findRequest('1', number, 1).kind === 'new'; number++) {
    remembered.record(request(number, 1), '1')
    remembered.settle(request(number, 1), number)
  }
  const looks = t.mock.method(Map.prototype, Symbol.iterator)
  assert.deepEqual(remembered.findRequest('1', 99, 1), { kind: 'full' })
  assert.equal(looks.mock.callCount(), 0)
  assert.deepEqual(remembered.findRequest('1', 99, 3), { kind: 'new' }, 'it makes room itself')
  assert.equal(looks.mock.callCount(), 1)
})
