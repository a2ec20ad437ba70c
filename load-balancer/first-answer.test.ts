import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hang, startCluster, until } from './test-cluster.ts'

describe('the first good answer of an epoch', () => {
  it('is told once, with the requests that were held for it', async (t) => {
    const { a, b, follower, send } = await startCluster(t)
    await send({ method: 'POST', path: '/warm' })
    assert.deepEqual(
      follower.firstAnswers.map(({ shard, epoch, held }) => ({ shard, epoch, held })),
      [
        { shard: 0, epoch: 1, held: 1 }, // the one that opened the session waited for it
      ],
    )
    await send({ method: 'POST', path: '/warm' })
    a.answer = hang
    const replies = Array.from({ length: 6 }, (_, index) => send({ method: 'POST', path: `/seats/${index}` }))
    await until(() => a.requests.length === 8, 'all at the active')
    a.kill()
    await until(() => follower.reports.length > 0, 'a report')
    const before = Date.now()
    follower.decide(b.decision(2))
    await Promise.all(replies)
    await send({ path: '/after' })
    const [, second, ...others] = follower.firstAnswers
    assert.deepEqual([second!.epoch, second!.held, others.length], [2, 6, 0])
    assert.ok(second!.atMs >= before - 1_000 && second!.atMs <= Date.now() + 1_000)
  })

  it('is none that failed, and none of an epoch before', async (t) => {
    const { a, b, follower, send } = await startCluster(t)
    a.answer = (_arrival, response) => void response.writeHead(500).end()
    await send({ path: '/broken' })
    assert.deepEqual(follower.firstAnswers, [])
    a.answer = hang
    const late = send({ path: '/late' })
    await until(() => a.requests.length === 2, 'it is at the active')
    follower.decide({ ...a.decision(2) }) // the same backend under a new epoch: what is under way there stays
    a.answer = (arrival, response) => a.apply(arrival, response)
    a.answerHung()
    assert.equal((await late).status, 200)
    assert.deepEqual(follower.firstAnswers, [], 'it was sent under the epoch before')
    await send({ path: '/next' })
    assert.deepEqual(
      follower.firstAnswers.map(({ epoch, held }) => [epoch, held]),
      [[2, 0]],
    )
    follower.decide(b.decision(3))
    await send({ path: '/other' })
    assert.deepEqual(
      follower.firstAnswers.map(({ epoch }) => epoch),
      [2, 3],
    )
  })
})

describe('the figures', () => {
  it('are told twice a second, with what was counted meanwhile', async (t) => {
    const { follower, send } = await startCluster(t)
    for (let count = 0; count < 5; count++) await send({ path: '/seats' })
    await until(() => follower.told.some(({ requestsPerSecond }) => requestsPerSecond > 0), 'figures')
    const busy = follower.told.find(({ requestsPerSecond }) => requestsPerSecond > 0)!
    assert.ok(busy.p99Ms >= busy.p50Ms && busy.p50Ms > 0)
    assert.deepEqual([busy.errorsPerSecond, busy.held, busy.replaysPerSecond], [0, 0, 0])
  })
})
