import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { refuse, startCluster, until } from './test-cluster.ts'

describe('the scout', () => {
  it('that takes long holds nobody up', async (t) => {
    const { a, send } = await startCluster(t, { options: { holdTimeMs: 3_000 } })
    const { answer } = a
    a.answer = (arrival, response, request) => {
      if (a.requests.length === 1) refuse(arrival, response, request)
      else if (arrival.url !== '/slow') answer(arrival, response, request)
    }
    const slow = send({ path: '/slow' })
    await until(() => a.requests.length === 2, 'the scout is at the backend')
    assert.equal((await send({ path: '/quick' })).status, 200)
    a.kill()
    assert.equal((await slow).status, 503)
  })
})

describe('a report', () => {
  it('is never of the new active for what befell the old one', async (t) => {
    const { a, b, follower, send } = await startCluster(t, { exactlyOnce: false })
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const gone = { ...a.decision(0), incarnation: 'gone-1', url: `http://127.0.0.1:${port}` }
    // Refusals come at about the time at which the other is named.
    for (let epoch = 2; epoch < 42; epoch += 2) {
      follower.decide({ ...gone, epoch })
      const reply = send({ path: '/x' })
      await pause(epoch % 3)
      follower.decide(b.decision(epoch + 1))
      assert.equal((await reply).status, 200)
    }
    assert.deepEqual(
      follower.reports.filter(({ incarnation }) => incarnation !== 'gone-1'),
      [],
    )
  })
})
