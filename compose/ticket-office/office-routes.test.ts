import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryLog, type RouteRequest } from '../../checkpoint/index.ts'
import { started } from '../../checkpoint/test-checkpoint.ts'
import { officeRoutes } from './office-routes.ts'

test('a route is a function from a request to an answer, with no server', async (t) => {
  const checkpoint = await started(t, createMemoryLog())
  checkpoint.lead(1)
  await checkpoint.whenLeading(5_000)
  let ids = 0
  const routes = officeRoutes(checkpoint, () => `id-${++ids}`)
  const ask = (route: string, request: Partial<RouteRequest>) =>
    checkpoint.transact(() => routes[route]!({ headers: {}, ...request }))
  assert.deepEqual(await ask('POST /bookings', { body: { seat: '1a', user: 'u' } }), {
    status: 201,
    body: { seat: '1a', user: 'u', id: 'id-1' },
  })
  const increment = { params: { name: 'c' }, body: { by: 2 } }
  assert.deepEqual(await ask('POST /counters/:name/increments', increment), { body: { name: 'c', value: 2 } })
  const wrong = await ask('PUT /registers/:key', { params: { key: 'r' }, body: {} })
  assert.equal(wrong.status, 400)
  assert.deepEqual(Object.keys(routes).length, 9)
})
