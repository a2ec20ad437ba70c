import assert from 'node:assert/strict'
import { it } from 'node:test'
import { refusal } from './problem.ts'
import { startCluster } from './test-cluster.ts'

it('a request with a key that is refused for now may have been applied under it before; what can never be passed on was not', () => {
  const keyed = { method: 'POST', headers: { 'idempotency-key': 'k' } }
  assert.deepEqual(refusal('too much read', keyed), { outcome: 'unknown', key: 'k' })
  assert.deepEqual(refusal('malformed', keyed), { outcome: 'not applied', key: 'k' })
  assert.deepEqual(refusal('stopping', { ...keyed, method: 'GET' }), { outcome: 'not applied', key: 'k' })
  assert.deepEqual(refusal('stopping', { method: 'POST', headers: {} }), { outcome: 'not applied', key: null })
})

it('a retry under a key that is held too long is told that it may have been applied', async (t) => {
  const { send } = await startCluster(t, { decided: false, options: { holdTimeMs: 30 } })
  const said = async (method: string, headers: Record<string, string>) => {
    const { status, text } = await send({ method, path: '/', headers })
    const { outcome, key } = JSON.parse(text) as { outcome: string; key?: string | null }
    return [status, outcome, key]
  }
  assert.deepEqual(await said('POST', { 'idempotency-key': 'k' }), [503, 'unknown', 'k'])
  assert.deepEqual(await said('GET', { 'idempotency-key': 'k' }), [503, 'not applied', undefined])
  assert.deepEqual(await said('POST', {}), [503, 'not applied', undefined])
})
