import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../compose/load/random.ts'
import { type Asked, type Got, judge, officeMix, shopMix } from './requests.ts'

const put: Asked = { method: 'PUT', path: '/x', body: '1', expected: [200] }
const post: Asked = { ...put, method: 'POST', expected: [201] }
const unknown: Got = { status: 502, text: '{"status":502,"outcome":"unknown","key":null}' }
const rows: [what: string, Asked, Got, ReturnType<typeof judge>][] = [
  ['what is expected', put, { status: 200, text: '' }, 'right'],
  ['another success', put, { status: 204, text: '' }, 'wrong'],
  ['no answer', put, { failure: 'ECONNRESET' }, 'wrong'],
  ['a PUT of unknown outcome', put, unknown, 'wrong'],
  ['a POST of unknown outcome', post, unknown, 'unknown'],
  ['a POST of unknown outcome that is exactly once', { ...post, exactlyOnce: true }, unknown, 'wrong'],
  ['a POST that was not applied', post, { status: 502, text: '{"outcome":"not applied"}' }, 'wrong'],
  ['a POST without an answer', post, { failure: 'ECONNRESET' }, 'wrong'],
  ['a POST answered 503', post, { status: 503, text: '{"outcome":"unknown"}' }, 'wrong'],
]
for (const [what, asked, got, verdict] of rows)
  test(`${what} is ${verdict}`, () => assert.equal(judge(asked, got), verdict))

for (const [name, mix] of Object.entries({ officeMix, shopMix }))
  test(`${name} has every method, reads only where nothing writes, and is the same from the same seed`, () => {
    const draw = (writes: number) => {
      const random = seededRandom(1)
      return Array.from({ length: 500 }, () => mix(random, writes))
    }
    const methods = (asked: Asked[]) => [...new Set(asked.map(({ method }) => method))].sort()
    assert.deepEqual(methods(draw(0.5)), ['DELETE', 'GET', 'HEAD', 'POST', 'PUT'])
    assert.deepEqual(methods(draw(0)), ['GET', 'HEAD'])
    assert.deepEqual(draw(0.5), draw(0.5))
  })
