import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectTimeoutMs } from './connecting.ts'
import { hang, startCluster, until } from './test-cluster.ts'

/** By the receiver's rule: reported for at least so long, with no longer gap between two reports, milliseconds. */
const rule = { reportedMs: 1_000, gapMs: 2_000 }

/** As a machine that is cut off: nobody answers a SYN. A process that stands still, with a queue of connections that is full. */
async function blackHole(t: TestContext): Promise<number> {
  const listener =
    "require('node:net').createServer().listen({port:0,backlog:1,host:'127.0.0.1'},function(){console.log(this.address().port)})"
  const child = spawn(process.execPath, ['-e', listener], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [text] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(text.toString())
  child.kill('SIGSTOP')
  for (let full = false; !full; ) {
    const socket: Socket = connect(port, '127.0.0.1').on('error', () => undefined)
    t.after(() => socket.destroy())
    full = !(await Promise.race([once(socket, 'connect'), sleep(100, null)]))
  }
  return port
}

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
