import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Cluster, startCluster, until } from './test-cluster.ts'
import { memberOf, offerWebSocket, refuseWebSockets, untilStreams } from './test-streams.ts'

async function changeStrategy({ balancer }: Cluster, strategy: string): Promise<void> {
  const body = JSON.stringify({ strategy })
  const headers = { 'content-type': 'application/json' }
  const { status } = await fetch(new URL('/strategy', balancer.adminUrl), { method: 'PUT', headers, body })
  assert.equal(status, 200)
}

describe('a change of strategy', () => {
  it('makes a lost request that gives up its number unrepeatable, also after a change back', async (t) => {
    const cluster = await startCluster(t)
    const { a, b, journal, follower, send } = cluster
    a.answer = (arrival) => {
      a.record(arrival)
      a.kill()
    }
    const reply = send({ method: 'POST', path: '/seats/1', body: 'me' })
    await until(() => follower.reports.length > 0, 'a report')
    // Now and then it is on its way, to see whether the active is back, and stays where it is.
    for (let change = 0; change < 3; change++) {
      await changeStrategy(cluster, 'round-robin')
      await changeStrategy(cluster, 'active')
    }
    follower.decide(b.decision(2))
    const { status, text } = await reply
    assert.deepEqual(journal.applied, ['POST /seats/1 me'])
    assert.deepEqual([status, JSON.parse(text).outcome], [502, 'unknown'])
  })

  it('lets a WebSocket go that waited under the strategy before', async (t) => {
    const cluster = await startCluster(t, { decided: false })
    const { a, follower, balancer } = cluster
    refuseWebSockets(a)
    follower.tell([memberOf(a)])
    const answer = offerWebSocket(t, balancer.port)
    await untilStreams(cluster, 1)
    await changeStrategy(cluster, 'round-robin')
    assert.match(await answer, /^HTTP\/1.1 418/)
  })
})
