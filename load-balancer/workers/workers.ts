/** A balancer of several processes on one port: this one follows the receivers and keeps the others, which serve the clients. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Logger } from 'pino'
import { laneSettings, logWaiting, type RunningBalancer } from '../balancer.ts'
import type { BalancerOptions } from '../config.ts'
import { createControl, type MemberSource, membershipOf } from '../control.ts'
import type { BalancerError } from '../errors.ts'
import { type FiguresTaker, tellFigures } from '../figures-teller.ts'
import { changedSettings } from '../lane-settings.ts'
import { listen, refuseUnsafe, stopServer, urlOf } from '../listening.ts'
import type { DecisionFollower } from '../replay-lane.ts'
import { readTlsMaterial } from '../tls-material.ts'
import { SummedMetrics } from './summed-metrics.ts'
import { WorkerSet, type WorkerSetOptions } from './worker-set.ts'

/** Starts a balancer with workers; it owns `follower` from now on. Rejects with a BalancerError or a TlsError. */
export async function runWorkers(
  options: BalancerOptions,
  follower: DecisionFollower & FiguresTaker & MemberSource & { close(): void },
  log: Logger,
  signal: AbortSignal,
  timing: Pick<WorkerSetOptions, 'pingIntervalMs'> = {},
): Promise<RunningBalancer> {
  const { host, token } = options
  const membership = membershipOf(options, follower)
  let settings = laneSettings(options)
  let fail: (error: BalancerError) => void
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => undefined) // it may fail before anybody waits for its end
  const metrics = new SummedMetrics(() => workers.listening)
  const workers = new WorkerSet({
    options,
    view: () => ({ decision: follower.decision(), members: membership.members, settings }),
    log,
    now: () => performance.now(),
    ...timing,
    report: (message) => {
      if (message.type === 'report') follower.report(message.report)
      else if (message.type === 'seen') follower.seen(message.epoch)
      else follower.firstAnswer(message.answer)
    },
    departed: (counted) => void metrics.departed(counted),
    failed: (error) => fail(error),
  })
  metrics.workers = () => workers.metrics()
  follower.on('decision', () => workers.tell('decision'))
  membership.onChange(() => workers.tell('members'))
  const strategy = {
    get: () => settings,
    set: (body: unknown) => {
      const changed = changedSettings(settings, body)
      if (!changed.ok) return changed
      settings = changed.settings
      workers.tell('settings')
      log.info({ event: 'strategy', ...settings }, `requests go by ${settings.strategy}`)
      return changed
    },
  }
  const known = () =>
    settings.strategy === 'active' ? follower.decision() !== undefined : membership.members.length > 0
  const ready = () => workers.listening > 0 && known()
  const control = createControl(options, { ready, strategy, metrics, membership, log })

  const endFigures = tellFigures(() => workers.tally(), follower)

  const close = async () => {
    await workers.close()
    endFigures()
    follower.close()
    await control.close()
  }
  try {
    refuseUnsafe(host, token)
    // What cannot be read is said once, not by each of them.
    readTlsMaterial(options)
    await checkFree(options)
    const port = await workers.start()
    const adminPort = await control.listen()
    const url = urlOf(host, port, options.tlsCert ? 'https' : 'http')
    const tcpPort = options.tcp ?? null
    const adminUrl = urlOf(host, adminPort)
    log.info({ event: 'listening', url, adminUrl, tcpPort, workers: options.workers }, `balancer listens on ${url}`)
    if (!known()) logWaiting(options, log)
    control.startReplicas()
    const stopped = signal.aborted ? Promise.resolve() : Promise.race([once(signal, 'abort'), failed])
    return { url, port, adminUrl, adminPort, tcpPort, done: stopped.finally(close).then(() => undefined) }
  } catch (error) {
    await close()
    throw error
  }
}

/** A port that several processes share is not refused to another balancer's workers: so it is asked for alone first. */
async function checkFree({ host, port, tcp = 0 }: BalancerOptions): Promise<void> {
  for (const [wanted, option] of [
    [port, '--port'],
    [tcp, '--tcp'],
  ] as const) {
    if (wanted === 0) continue
    const probe = createServer()
    await listen(probe, host, wanted, option)
    await stopServer(probe, () => undefined)
  }
}
