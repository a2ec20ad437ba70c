/** Habits that are held by a test, in the way of TigerBeetle's tidy.zig. */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const packages = ['checkpoint', 'heartbeat-receiver', 'backend', 'load-balancer', 'compose']

/** What each folder may import of the others. */
const mayImport: Record<string, readonly string[]> = {
  checkpoint: [],
  'heartbeat-receiver': ['checkpoint'],
  backend: ['checkpoint', 'heartbeat-receiver'],
  'load-balancer': ['checkpoint', 'heartbeat-receiver'],
  compose: ['checkpoint', 'heartbeat-receiver', 'backend', 'load-balancer'],
}

/** The files that decide: they import nothing that touches the world, read no clock and draw no randomness. */
const cores = [
  'checkpoint/record.ts',
  'checkpoint/fold.ts',
  'checkpoint/inspection.ts',
  'checkpoint/inspection-start.ts',
  'checkpoint/digest.ts',
  'checkpoint/crc32c.ts',
  'checkpoint/transaction-encoder.ts',
  'checkpoint/replica.ts',
  'checkpoint/store.ts',
  'checkpoint/arena.ts',
  'checkpoint/arena-segments.ts',
  'checkpoint/packed-key.ts',
  'checkpoint/packed-index.ts',
  'checkpoint/packed-map.ts',
  'checkpoint/remembered.ts',
  'checkpoint/submission.ts',
  'checkpoint/kafka-settings.ts',
  'checkpoint/journal-place.ts',
  'checkpoint/file-failure.ts',
  'checkpoint/http-methods.ts',
  'checkpoint/staleness.ts',
  'checkpoint/end-doubt.ts',
  'checkpoint/tail-watch.ts',
  'checkpoint/lease.ts',
  'checkpoint/snapshot-chunk.ts',
  'checkpoint/snapshot-copy.ts',
  'checkpoint/snapshot-manifest.ts',
  'checkpoint/snapshot-policy.ts',
  'checkpoint/tail-bytes.ts',
  'checkpoint/path-table.ts',
  'checkpoint/progress.ts',
  'heartbeat-receiver/receiver.ts',
  'heartbeat-receiver/decision-book.ts',
  'heartbeat-receiver/lease-ledger.ts',
  'heartbeat-receiver/losses.ts',
  'heartbeat-receiver/crash-wording.ts',
  'heartbeat-receiver/readable-text.ts',
  'heartbeat-receiver/planned-handover.ts',
  'heartbeat-receiver/drains.ts',
  'heartbeat-receiver/election.ts',
  'heartbeat-receiver/journal-extent.ts',
  'heartbeat-receiver/suspicion.ts',
  'heartbeat-receiver/verdict.ts',
  'heartbeat-receiver/roster.ts',
  'heartbeat-receiver/known-backend.ts',
  'heartbeat-receiver/succession.ts',
  'heartbeat-receiver/normal-tail.ts',
  'heartbeat-receiver/heartbeat-rate.ts',
  'heartbeat-receiver/backend-view.ts',
  'heartbeat-receiver/incoming.ts',
  'heartbeat-receiver/dashboard/fold.ts',
  'heartbeat-receiver/dashboard/board-keeper.ts',
  'heartbeat-receiver/dashboard/board-changes.ts',
  'heartbeat-receiver/dashboard/reign-history.ts',
  'heartbeat-receiver/dashboard/crash-history.ts',
  'heartbeat-receiver/dashboard/traffic.ts',
  'heartbeat-receiver/dashboard/sessions.ts',
  'heartbeat-receiver/dashboard/request-origin.ts',
  'heartbeat-receiver/member-list.ts',
  'heartbeat-receiver/leadership.ts',
  'heartbeat-receiver/receiver-address.ts',
  'heartbeat-receiver/member-messages.ts',
  'heartbeat-receiver/known-members.ts',
  'heartbeat-receiver/dashboard/page/words.ts',
  'heartbeat-receiver/dashboard/page/reign-steps.ts',
  'heartbeat-receiver/dashboard/page/reign-lane.ts',
  'heartbeat-receiver/dashboard/page/beat-tally.ts',
  'heartbeat-receiver/dashboard/page/topology-plan.ts',
  'heartbeat-receiver/dashboard/page/link-state.ts',
  'heartbeat-receiver/dashboard/page/summary.ts',
  'heartbeat-receiver/dashboard/page/news.ts',
  'heartbeat-receiver/dashboard/page/plot-data.ts',
  'heartbeat-receiver/dashboard/page/backend-role.ts',
  'backend/agent/agent-core.ts',
  'backend/agent/health.ts',
  'backend/agent/last-lines.ts',
  'load-balancer/routing.ts',
  'load-balancer/figures.ts',
  'load-balancer/membership.ts',
  'load-balancer/lane-settings.ts',
  'load-balancer/workers/shares.ts',
  'load-balancer/registration.ts',
  'load-balancer/bag.ts',
  'load-balancer/holding.ts',
  'load-balancer/replay.ts',
  'load-balancer/session.ts',
  'load-balancer/gate.ts',
  'load-balancer/silence.ts',
  'load-balancer/standby-reads.ts',
  'load-balancer/request-checks.ts',
  'load-balancer/body-pace.ts',
  'load-balancer/request-key.ts',
  'load-balancer/rolling-sum.ts',
  'load-balancer/retry-budget.ts',
  'load-balancer/circuit-breaker.ts',
  'load-balancer/strategies/strategy.ts',
  'load-balancer/strategies/shortlist.ts',
  'load-balancer/strategies/turns.ts',
  'load-balancer/strategies/round-robin.ts',
  'load-balancer/strategies/weighted.ts',
  'load-balancer/strategies/least-connections.ts',
  'load-balancer/strategies/hash.ts',
  'load-balancer/strategies/hash-ring.ts',
  'load-balancer/strategies/consistent-hash.ts',
  'load-balancer/strategies/peak-ewma.ts',
  'load-balancer/forwarding.ts',
  'load-balancer/message-headers.ts',
  'load-balancer/trace-context.ts',
  'compose/crash-block.ts',
  'compose/duration-text.ts',
  'compose/fetch-failure.ts',
  'compose/receiver-http.ts',
  'compose/live/picture.ts',
  'compose/live/picture-table.ts',
  'compose/live/meters.ts',
  'compose/live/pulses.ts',
  'compose/live/head-section.ts',
  'compose/live/backend-section.ts',
  'compose/live/traffic-section.ts',
  'compose/live/failover-section.ts',
  'compose/live/crash-section.ts',
  'compose/live/draw-board.ts',
  'compose/live/board-news.ts',
  'compose/load/latency-sketch.ts',
  'compose/load/timeline.ts',
  'compose/load/pause-log.ts',
  'compose/load/tally.ts',
  'compose/load/plain-traffic.ts',
  'compose/load/report-page/run-story.ts',
  'compose/load/report-page/markup.ts',
  'compose/load/report-page/svg-report.ts',
  'compose/load/report-page/svg-scale.ts',
  'compose/load/report-page/html-report.ts',
  'load-balancer/replicas/keeper.ts',
  'load-balancer/replicas/forecast.ts',
  'load-balancer/replicas/autoscale.ts',
  'load-balancer/replicas/member-changes.ts',
  'load-balancer/replicas/replica-names.ts',
  'load-balancer/replicas/command-line.ts',
  'load-balancer/replicas/output-lines.ts',
]
const touchesTheWorld =
  /from 'node:(?!crypto')|from '(kafkajs|ws|express|undici|pino|http-proxy-middleware)'|Date\.now|performance\.|Math\.random|\b(?:setTimeout|setInterval|setImmediate|randomUUID)\(/

/** What the simulation runs: no time and no chance but what each is handed, or a seed would not replay. */
const simulated = [
  'checkpoint/checkpoint.ts',
  'checkpoint/answering.ts',
  'checkpoint/intake.ts',
  'checkpoint/held-callers.ts',
  'checkpoint/journal-reader.ts',
  'checkpoint/producer-warmth.ts',
  'checkpoint/progress-report.ts',
  'checkpoint/route.ts',
  'checkpoint/snapshots.ts',
  'checkpoint/snapshot-taking.ts',
  'checkpoint/snapshot-restore.ts',
  'checkpoint/memory-journal.ts',
  'checkpoint/memory-snapshots.ts',
  'backend/backend-node.ts',
  'backend/heartbeat-client.ts',
  'compose/ticket-office/office-routes.ts',
  'compose/ticket-office/bookings.ts',
  'compose/ticket-office/counters.ts',
  'compose/ticket-office/registers.ts',
  'load-balancer/decision-journal.ts',
  'load-balancer/decision-sources.ts',
  'load-balancer/gatekeeper.ts',
  'load-balancer/hold-queue.ts',
  'load-balancer/introduction.ts',
  'load-balancer/job.ts',
  'load-balancer/read-only.ts',
  'load-balancer/replay-lane.ts',
  'load-balancer/sending.ts',
  'load-balancer/session-keeper.ts',
  'load-balancer/session-outlet.ts',
  'load-balancer/silence-watch.ts',
  'load-balancer/standby-connections.ts',
]
const ownTimeOrChance =
  /node:(?:timers|fs|perf_hooks)|\b(?:performance|Date|setTimeout|setInterval|setImmediate|queueMicrotask|nextTick|hrtime)\b|AbortSignal\.(?:timeout|any)|Math\.random|random(?:UUID|Bytes|Int|FillSync)|getRandomValues/

async function sources(): Promise<{ path: string; text: string }[]> {
  const found = await Promise.all(
    packages.map(async (folder) => {
      const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
      const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      return Promise.all(
        files.map(async (entry) => {
          const path = join(entry.parentPath, entry.name)
          return { path: relative(root, path), text: await readFile(path, 'utf8') }
        }),
      )
    }),
  )
  return found.flat()
}

test('imports go one way', async () => {
  const wrong = (await sources())
    .filter(({ path }) => !/test\.ts$/.test(path))
    .flatMap(({ path, text }) => {
      const folder = path.split('/')[0]!
      const imported = [...text.matchAll(/from '(?:\.\.\/)+([a-z-]+)\//g)].map(([, other]) => other!)
      return imported
        .filter((other) => packages.includes(other) && other !== folder && !mayImport[folder]!.includes(other))
        .map((other) => `${path} imports ${other}`)
    })
  assert.deepEqual(wrong, [])
})

test('what decides has no clock, socket, file or random source', async () => {
  const known = new Map((await sources()).map(({ path, text }) => [path, text]))
  for (const core of cores) assert.ok(known.has(core), `${core} is there`)
  const wrong = cores.flatMap((core) =>
    touchesTheWorld.exec(known.get(core)!.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''))?.[0] ? [core] : [],
  )
  assert.deepEqual(wrong, [])
})

test('what the simulation runs has no time and no chance but what it is handed', async () => {
  const known = new Map((await sources()).map(({ path, text }) => [path, text]))
  const wrong = simulated.flatMap((path) => {
    const found = ownTimeOrChance.exec(known.get(path)!.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''))
    return found ? [`${path}: ${found[0]}`] : []
  })
  assert.deepEqual(wrong, [])
})

test('no file is longer than 500 lines, and nothing is left open or switched off', async () => {
  const wrong = (await sources()).flatMap(({ path, text }) => [
    ...(text.split('\n').length > 500 ? [`${path} has more than 500 lines`] : []),
    ...(/\b(TODO|FIXME|XXX)\b/.test(text) ? [`${path} is left open`] : []),
    ...(/\b(test|it|describe)\.(only|todo)\(/.test(text) ? [`${path} leaves tests out`] : []),
  ])
  assert.deepEqual(wrong, [])
})

test('no folder says nothing', async () => {
  const vague = /(^|\/)(utils?|common|helpers?|shared)(\/|\.ts$)/
  assert.deepEqual(
    (await sources()).filter(({ path }) => vague.test(path)).map(({ path }) => path),
    [],
  )
})
