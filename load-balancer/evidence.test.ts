import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { blackHole } from './black-hole.ts'
import { connectTimeoutMs } from './connecting.ts'
import { hang, startCluster, until } from './test-cluster.ts'

/** By the receiver's rule: reported for at least so long, with no longer gap between two reports, milliseconds. */
const rule = { reportedMs: 1_000, gapMs: 2_000 }

describe('evidence', () => {
  it('that a machine is cut off comes within a second, and again and again, as receivers need it', async (t) => {
    const { a, b, follower, send } = await startCluster(t)
    const port = await blackHole(t)
    const atMs: number[] = []
    follower.report = (report) => {
      assert.deepEqual(report, { incarnation: 'cut-1', epoch: 2, kind: 'timed-out' })
      atMs.push(performance.now())
    }
    const beganMs = performance.now()
    follower.decide({ ...a.decision(2), incarnation: 'cut-1', url: `http://127.0.0.1:${port}` })
    const reply = send({ method: 'POST', path: '/x', body: 'x' })
    await until(() => atMs.at(-1)! - atMs[0]! >= rule.reportedMs, 'it was reported for a second')
    assert.ok(atMs[0]! - beganMs >= connectTimeoutMs - 5, 'not before the time-out')
    const gapsMs = atMs.slice(1).map((ms, index) => ms - atMs[index]!)
    assert.ok(Math.max(...gapsMs) < rule.gapMs, `gaps of ${gapsMs}`)
    assert.ok(atMs.length >= 3, 'a good second and a half is enough for three')
    follower.decide(b.decision(3))
    assert.equal((await reply).headers['x-heartline-backend'], 'b')
  })

  it('comes too where a client waits on a connection that stands', async (t) => {
    const { a, b, follower, send } = await startCluster(t)
    a.answer = hang
    const reply = send({ path: '/x' })
    await until(() => a.requests.length === 1, 'it arrived')
    a.server.close()
    await until(() => follower.reports.length > 0, 'a report')
    assert.deepEqual(follower.reports[0], { incarnation: 'a-1', epoch: 1, kind: 'refused' })
    follower.decide(b.decision(2))
    assert.equal((await reply).headers['x-heartline-backend'], 'b')
  })
})
