/** Every process of an installation is restarted under load, one after the other, and no client notices. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type Cluster, startCluster } from '../../compose/cluster.ts'
import { handOver } from '../../compose/handover.ts'
import { LoadThread } from '../../compose/load/load-thread.ts'
import { type Move, Moves } from '../../compose/moves.ts'
import type { LogLine } from '../../compose/processes.ts'
import { needsKafka } from '../needs.ts'

const log = pino({ level: 'silent' })
/** Longer than others: ten processes are started and ended, one after the other. */
const options = { ...needsKafka, timeout: 300_000 }
const never = new AbortController().signal
/** No client waits longer, milliseconds: far more than a move takes, far less than what a balancer holds a request for. */
const pauseMaxMs = 3_000

/** Two receivers, two balancers and three backends on one Kafka, and a load through both balancers. */
async function start(t: TestContext): Promise<{ cluster: Cluster; load: LoadThread; moves: Moves; said: string[] }> {
  const said: string[] = []
  const cluster = await startCluster({
    ...{ backends: 3, receivers: 2, balancers: 2, ports: 'free', log },
    topicPrefix: `rolling-${randomBytes(4).toString('hex')}`,
    onLine: (name: string, line: LogLine) => {
      if (line.event !== undefined || Number(line.level) > 30) said.push(`${name}: ${line.msg}`)
    },
  })
  t.after(() => cluster.stop())
  const load = new LoadThread({
    ...{ target: cluster.balancerUrls, rate: 300, clients: 20, writeRatio: 0.5, seed: 1, keys: false },
    ...{ durationMs: Number.POSITIVE_INFINITY, timeoutMs: 30_000 },
  })
  t.after(() => load.terminate())
  const moves = new Moves(cluster, load, never)
  return { cluster, load, moves, said }
}

/** Every operation was answered as promised, and what was promised is there. */
async function mustBeClean(load: LoadThread, said: readonly string[]): Promise<void> {
  const { report, findings, readBackError } = await load.stop()
  const { errors, lost, doubled } = report
  const nothing = { errors: {}, lost: 0, doubled: 0, findings: [], readBackError: undefined }
  assert.deepEqual({ errors, lost, doubled, findings, readBackError }, nothing, said.join('\n'))
  assert.ok(report.ok > 0 && report.ok === report.requests)
}

test('planned handovers fail no request, and each says how long it took', options, async (t) => {
  const { cluster, load, moves, said } = await start(t)
  const done = [await moves.handOver(), await moves.handOver(), await moves.handOver('backend-3')]
  for (const { process, pauseMs, tookMs } of done) {
    t.diagnostic(`from ${process}: took ${Math.round(tookMs!)} ms, pause ${Math.round(pauseMs)} ms`)
    assert.ok(pauseMs < pauseMaxMs)
  }
  assert.equal((await moves.untilWell()).name, 'backend-3')
  const { receiverUrls: receivers } = cluster
  const unknown = await handOver({ receivers, to: 'nobody', token: undefined }, log, never)
  assert.equal(unknown.failure, 'unknown-name')
  await mustBeClean(load, said)
})

test(
  'a rolling restart of every process fails no request, loses nothing and runs nothing twice',
  options,
  async (t) => {
    const { cluster, load, moves, said } = await start(t)
    const done: Move[] = []
    for (const name of [...cluster.balancers, ...cluster.receivers, ...cluster.backends]) {
      done.push(await moves.restart(name))
      t.diagnostic(`${done.at(-1)!.kind}, ${name}: ${Math.round(done.at(-1)!.pauseMs)} ms`)
    }
    await mustBeClean(load, said)
    for (const { kind, process, pauseMs } of done) assert.ok(pauseMs < pauseMaxMs, `${kind}, ${process}: ${pauseMs} ms`)
  },
)
