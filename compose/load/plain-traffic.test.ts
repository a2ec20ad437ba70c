import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reply } from './connection.ts'
import { PlainTraffic } from './plain-traffic.ts'

const times = { intendedMs: 0, startMs: 0, endMs: 1 }
const answer = (status: number): Reply => ({ type: 'response', status, text: '', backend: 'a', epoch: 0, replays: 0 })
const home = { path: '/home', method: 'GET', keyCount: 10, keySkew: 0 } as const

test('any 2xx is good; every other status and every failure is an error by its code', () => {
  const settle = (reply: Reply) => new PlainTraffic(home, 1).next().settle(reply, times)
  assert.deepEqual(
    [200, 204, 299].map((status) => settle(answer(status))),
    [undefined, undefined, undefined],
  )
  assert.deepEqual(
    [199, 301, 404, 503].map((status) => settle(answer(status))),
    ['199', '301', '404', '503'],
  )
  assert.equal(settle({ type: 'failure', code: 'ECONNRESET', message: '' }), 'ECONNRESET')
})

test('a body is declared as JSON only if it is', () => {
  const typeOf = (body: string) => new PlainTraffic({ ...home, method: 'POST', body }, 1).next().request.contentType
  assert.equal(typeOf('{"a":1}'), undefined)
  assert.equal(typeOf('a=1'), 'text/plain; charset=utf-8')
})

test('the same seed draws the same keys, and all of them', () => {
  const keysOf = (seed: number) => {
    const traffic = new PlainTraffic({ ...home, keyHeader: 'x-user' }, seed)
    return Array.from({ length: 200 }, () => traffic.next().headers)
  }
  assert.deepEqual(keysOf(3), keysOf(3))
  assert.notDeepEqual(keysOf(3), keysOf(4))
  assert.equal(new Set(keysOf(3).map(([, value]) => value)).size, 10)
  assert.ok(keysOf(3).every(([name]) => name === 'x-user'))
})

test('a skew makes the first keys popular, in the proportions of Zipf', () => {
  const traffic = new PlainTraffic({ ...home, keyHeader: 'x-user', keySkew: 1 }, 5)
  const counts = new Map<string, number>()
  for (let turn = 0; turn < 20_000; turn++) {
    const key = traffic.next().headers[1]!
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const harmonic = Array.from({ length: 10 }, (_, index) => 1 / (index + 1)).reduce((sum, share) => sum + share)
  for (let index = 0; index < 10; index++) {
    const expected = 20_000 / (index + 1) / harmonic
    assert.ok(Math.abs(counts.get(`key-${index}`)! - expected) < 0.15 * expected)
  }
})
