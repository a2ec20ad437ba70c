/** A cluster under load on a machine whose cores others saturate: nobody is touched, so that whatever the receiver finds is false. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCluster } from '../../compose/cluster.ts'
import { chooseJournal } from '../../compose/cluster-journal.ts'
import { askBackends, followEvents, isReadyStandby, pause, until } from '../../compose/demo-watch.ts'
import { unixNowMs } from '../../compose/load/clock.ts'
import { LoadThread } from '../../compose/load/load-thread.ts'
import type { ReceiverEvent } from '../../heartbeat-receiver/protocol.ts'
import type { BenchContext } from '../benchmark.ts'
import { type Child, startChild } from '../child.ts'
import { type FalseAlarms, falseAlarms } from './verdicts.ts'

const backends = 3
const joinTimeoutMs = 60_000
const answerTimeoutMs = 30_000
/** Load on a machine that is not saturated yet: what the detector learns from. */
const calmMs = 5_000
const sayIntervalMs = 30_000
/** How often the receiver is asked how long each backend is silent: half of a heartbeat. */
const lookIntervalMs = 50

export interface Saturation {
  readonly kafka: string[] | undefined
  readonly hogs: number
  readonly durationMs: number
  readonly ratePerSecond: number
}

export interface Saturated extends FalseAlarms {
  readonly requests: number
  readonly errors: number
  readonly pauseMs: number
  readonly journal: string
  /** The longest silence that a look found, and what backends said of their event loops, milliseconds. */
  readonly longestSilenceMs: number
  readonly loopDelaysMs: readonly number[]
}

/** Resolves with what the receiver found, and what clients saw, while the hogs ran. */
export async function saturate(wish: Saturation, { cleanup, log, say, signal }: BenchContext): Promise<Saturated> {
  const journal = await chooseJournal({ kafka: wish.kafka }, log, signal)
  cleanup.add(() => journal.release())
  const cluster = await startCluster({
    ...(journal.kafka === undefined ? {} : { kafka: journal.kafka }),
    ...{ backends, ports: 'free', topicPrefix: `detection-${randomBytes(4).toString('hex')}`, token: '', log, signal },
  })
  cleanup.add(() => cluster.stop())
  const events: ReceiverEvent[] = []
  const endEvents = followEvents(cluster.receiverHttp, (event) => events.push(event))
  cleanup.add(async () => endEvents())
  await until(async () => isWhole(await askBackends(cluster.receiverHttp)), {
    what: 'an active and all standbys',
    timeoutMs: joinTimeoutMs,
    signal,
  })
  const traffic = { rate: wish.ratePerSecond, clients: 50, writeRatio: 0.5, seed: 1, keys: false }
  const load = new LoadThread({
    ...{ target: cluster.balancerUrl, timeoutMs: answerTimeoutMs, durationMs: Number.POSITIVE_INFINITY },
    ...traffic,
  })
  cleanup.add(() => load.terminate())
  await pause(calmMs, signal)

  const fromMs = unixNowMs()
  const hogs = await startHogs(wish.hogs)
  cleanup.add(() => stopAll(hogs))
  const looks = lookAt(cluster.receiverHttp)
  cleanup.add(async () => looks.end())
  for (let left = wish.durationMs; left > 0; left -= sayIntervalMs) {
    await Promise.race([pause(Math.min(left, sayIntervalMs), signal), load.failed()])
    const { failovers, suspicions } = falseAlarms(events, fromMs)
    const found = Object.values(suspicions).reduce((all, count) => all + count, 0)
    say(
      `saturated for ${Math.round((unixNowMs() - fromMs) / 1_000)} s: ${found} suspicions, ${failovers.length} failovers`,
    )
  }
  const pauseMs = load.pauseMs(fromMs, unixNowMs())
  const { longestSilenceMs, loopDelaysMs } = looks.end()
  const alarms = falseAlarms(events, fromMs)
  await stopAll(hogs)
  const { report } = await load.stop()
  const errors = Object.values(report.errors).reduce((all, count) => all + count, 0)
  return {
    ...alarms,
    requests: report.requests,
    errors,
    pauseMs,
    journal: journal.line,
    longestSilenceMs,
    loopDelaysMs,
  }
}

/** Looks at the backends again and again, until it is ended. */
function lookAt(receiverHttp: string) {
  const seen = { longestSilenceMs: 0, loopDelaysMs: [] as number[] }
  let ended = false
  const look = async () => {
    while (!ended) {
      for (const { silentMs, eventLoopDelayMs } of await askBackends(receiverHttp)) {
        seen.longestSilenceMs = Math.max(seen.longestSilenceMs, silentMs)
        seen.loopDelaysMs.push(eventLoopDelayMs)
      }
      await sleep(lookIntervalMs)
    }
  }
  void look()
  return {
    end: () => {
      ended = true
      return seen
    },
  }
}

function isWhole(views: Awaited<ReturnType<typeof askBackends>>): boolean {
  const leads = views.some(({ alive, active, phase }) => alive && active && phase === 'active')
  return leads && views.filter(isReadyStandby).length === backends - 1
}

async function startHogs(count: number): Promise<Child<string, string>[]> {
  const module = new URL('./hog.ts', import.meta.url)
  const started = await Promise.all(Array.from({ length: count }, () => startChild<string, string>(module, [])))
  return started
}

async function stopAll(hogs: Child<string, string>[]): Promise<void> {
  for (const hog of hogs.splice(0)) {
    hog.kill('SIGKILL')
    await hog.stop()
  }
}
