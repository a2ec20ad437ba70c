/** A balancer of several processes on one port: this one follows the receivers and keeps the others, which serve the clients. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Logger } from 'pino'
import { tlsFilesOf } from '../../heartbeat-receiver/tls-options.ts'
import { readCertificates, readTlsPair } from '../../heartbeat-receiver/tls-pair.ts'
import { laneSettings, logWaiting, type RunningBalancer } from '../balancer.ts'
import type { BalancerOptions } from '../config.ts'
import { createControl, type MemberSource, membershipOf } from '../control.ts'
import type { BalancerError } from '../errors.ts'
import { changedSettings } from '../lane-settings.ts'
import { listen, refuseUnsafe, stopServer, urlOf } from '../listening.ts'
import type { DecisionFollower } from '../replay-lane.ts'
import { SummedMetrics } from './summed-metrics.ts'
import { WorkerSet, type WorkerSetOptions } from './worker-set.ts'

/** Starts a balancer with workers; it owns `follower` from now on. Rejects with a BalancerError or a TlsError. */
export async function runWorkers(
  options: BalancerOptions,
  follower: DecisionFollower & MemberSource & { close(): void },
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
      else follower.seen(message.epoch)
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

  const close = async () => {
    await workers.close()
    follower.close()
    await control.close()
  }
  try {
    refuseUnsafe(host, token)
    checkFiles(options)
    await checkFree(options)
    const port = await workers.start()
    const adminPort = await control.listen()
    const url = urlOf(host, port, options.tlsCert ? 'https' : 'http')
    const adminUrl = urlOf(host, adminPort)
    log.info({ event: 'listening', url, adminUrl, workers: options.workers }, `balancer listens on ${url}`)
    if (!known()) logWaiting(options, log)
    control.startReplicas()
    const stopped = signal.aborted ? Promise.resolve() : Promise.race([once(signal, 'abort'), failed])
    return { url, port, adminUrl, adminPort, done: stopped.finally(close).then(() => undefined) }
  } catch (error) {
    await close()
    throw error
  }
}

/** The workers read these; what is wrong with them is said once, here. */
function checkFiles(options: BalancerOptions): void {
  const files = tlsFilesOf(options)
  if (files) readTlsPair(files)
  if (options.backendCa !== undefined) readCertificates(options.backendCa, '--backend-ca')
}

/** A port that several processes share is not refused to another balancer's workers: so it is asked for alone first. */
async function checkFree({ host, port }: BalancerOptions): Promise<void> {
  if (port === 0) return
  const probe = createServer()
  await listen(probe, host, port, '--port')
  await stopServer(probe, () => undefined)
}
