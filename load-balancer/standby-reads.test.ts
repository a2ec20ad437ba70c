import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StandbyRotation, stalenessLimitMs } from './standby-reads.ts'

type Row = [
  what: string,
  request: { method?: string; hasBody?: boolean; cacheControl?: string },
  limitMs: number | null,
]
const rows: Row[] = [
  ['a GET', {}, 1_000],
  ['a HEAD', { method: 'HEAD' }, 1_000],
  ['an OPTIONS', { method: 'OPTIONS' }, null],
  ['a POST', { method: 'POST' }, null],
  ['a PUT', { method: 'PUT' }, null],
  ['a GET with a body', { hasBody: true }, null],
  ['no-cache', { cacheControl: 'no-cache' }, null],
  ['no-cache among others', { cacheControl: 'max-age=5, No-Cache' }, null],
  ['max-age=0, as a browser says at a reload', { cacheControl: 'max-age=0' }, null],
  ['a longer max-age', { cacheControl: 'max-age=60' }, 1_000],
  ['what is none of ours', { cacheControl: 'no-store, x-no-cache-y' }, 1_000],
]
for (const [what, request, limitMs] of rows) {
  test(`${what}: ${limitMs === null ? 'only the active answers' : 'a standby may answer'}`, () => {
    const { method = 'GET', hasBody = false, cacheControl } = request
    assert.equal(stalenessLimitMs({ method, hasBody, cacheControl }, 1_000), limitMs)
  })
}

test('a client may ask for less old than the option says', () => {
  assert.equal(stalenessLimitMs({ method: 'GET', hasBody: false, cacheControl: 'max-age=2' }, 60_000), 2_000)
})

const standby = (name: string, lag = 0, phase: 'standby' | 'active' | 'starting' = 'standby', exactlyOnce = true) => ({
  name,
  member: { phase, exactlyOnce, lag },
})
const chosen = (members: ReturnType<typeof standby>[], may = (_: { name: string }) => true) => {
  const rotation = new StandbyRotation()
  return Array.from({ length: 4 }, () => rotation.choose(members, may)?.name)
}

test('standbys are asked in turn, and nobody else', () => {
  const others = [
    standby('active', 0, 'active'),
    standby('starting', 0, 'starting'),
    standby('agent', 0, 'standby', false),
  ]
  assert.deepEqual(chosen([...others, standby('a'), standby('b')]), ['a', 'b', 'a', 'b'])
  assert.deepEqual(chosen(others), [undefined, undefined, undefined, undefined])
  assert.deepEqual(chosen([]), [undefined, undefined, undefined, undefined])
})

test('who lags far behind the best is left out, and who may not be asked', () => {
  assert.deepEqual(chosen([standby('a', 5_000), standby('b', 10), standby('c', 900)]), ['b', 'c', 'b', 'c'])
  assert.deepEqual(chosen([standby('a', 90_000)]), ['a', 'a', 'a', 'a'], 'it may refuse by itself')
  assert.deepEqual(
    chosen([standby('a'), standby('b')], ({ name }) => name === 'b'),
    ['b', 'b', 'b', 'b'],
  )
})
