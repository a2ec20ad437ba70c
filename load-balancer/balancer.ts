/** Puts the balancer together around a follower of decisions: lanes, clients' port, admin port, orderly stop. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createServer as createAdminServer } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import type { Logger } from 'pino'
import { isLoopback } from '../heartbeat-receiver/token.ts'
import { adminApp } from './admin.ts'
import { BalancedLane } from './balanced-lane.ts'
import { BodyBudget } from './body.ts'
import type { BalancerOptions } from './config.ts'
import { BalancerError, balancerErrors, listenError } from './errors.ts'
import type { ExchangeContext } from './exchange.ts'
import { connectionsMax } from './forward.ts'
import { Forwarding } from './forwarding.ts'
import { type LaneSettings, Lanes } from './lanes.ts'
import { type HeardMember, Membership } from './membership.ts'
import { Metrics } from './metrics.ts'
import { randomDigits } from './random-digits.ts'
import { parseRegistration } from './registration.ts'
import { type DecisionFollower, ReplayLane } from './replay-lane.ts'
import { MemberControl } from './replicas/member-control.ts'
import { createReplicas, startReplicas } from './replicas/replicas.ts'
import { clientServer } from './server.ts'
import { breakerLimitsOf, retryLimitsOf } from './strategies/config.ts'
import { StreamLane } from './stream-lane.ts'
import { trustOf } from './trust.ts'

/** How long requests under way may take once the balancer stops, milliseconds. */
const drainTimeMs = 5_000

export interface RunningBalancer {
  url: string
  port: number
  adminUrl: string
  adminPort: number
  /** Settles when it ended. */
  done: Promise<void>
}

/** Starts a balancer; it owns `follower` from now on. Rejects with a BalancerError. */
export async function runBalancer(
  options: BalancerOptions,
  follower: DecisionFollower & MemberSource & { close(): void },
  log: Logger,
  signal: AbortSignal,
): Promise<RunningBalancer> {
  const { host, token, holdTimeMs, holdRequests, holdBytes, replayBodyBytes } = options
  const now = () => performance.now()
  const metrics = new Metrics()
  const limits = { timeMs: holdTimeMs, requestsMax: holdRequests, bytesMax: holdBytes }
  const active = new ReplayLane({ limits, token, follower, observer: metrics, log, now })
  const membership = membershipOf(options, follower)
  const balanced = new BalancedLane({
    ...{ membership, limits, log, now, observer: metrics, random: Math.random },
    settings: { ...options, strategy: options.strategy === 'active' ? 'round-robin' : options.strategy },
    requestsMax: options.backendRequests || Number.POSITIVE_INFINITY,
    breaker: breakerLimitsOf(options),
    retries: retryLimitsOf(options),
  })
  const lane = new Lanes(active, balanced, laneSettings(options), log)
  metrics.watch({ held: () => lane.held, epoch: () => active.target?.epoch ?? 0 })
  const forwarding = new Forwarding({ trusts: trustOf(options.trustForwarded), randomHex: randomDigits })
  const streams = new StreamLane({ targets: lane, forwarding, holdTimeMs, waitingMax: holdRequests })
  // Bodies that are held, and those that are read or under way on all connections.
  const budget = new BodyBudget(holdBytes + connectionsMax * replayBodyBytes)
  const answered = metrics.answered.bind(metrics)
  const context: ExchangeContext = {
    lane,
    streams,
    budget,
    forwarding,
    replayBodyBytes,
    now,
    answered,
    stopping: false,
  }
  const clients = clientServer(context)
  const replicas = createReplicas(options, { membership, log, now })
  const members = new MemberControl(membership, replicas, log)
  const admin = createAdminServer(adminApp({ ready: () => lane.ready, token, strategy: lane, members, metrics }))

  const close = async () => {
    context.stopping = true
    streams.stop()
    await stopServer(clients, () => {
      lane.close()
      streams.close()
    })
    lane.close()
    streams.close()
    follower.close()
    await replicas?.close()
    await stopServer(admin, () => undefined)
  }
  try {
    refuseUnsafe(host, token)
    await listen(clients, host, options.port, '--port')
    await listen(admin, host, options.adminPort, '--admin-port')
  } catch (error) {
    await close()
    throw error
  }
  const port = portOf(clients)
  const adminPort = portOf(admin)
  const url = urlOf(host, port)
  const adminUrl = urlOf(host, adminPort)
  log.info({ event: 'listening', url, adminUrl }, `balancer listens on ${url}`)
  if (!lane.ready) {
    const what = options.strategy === 'active' ? 'a decision' : 'a backend'
    log.info({ event: 'waiting', for: what, receivers: options.receivers }, `waits for ${what}; requests are held`)
  }
  if (replicas) startReplicas(options, replicas)
  const stopped = signal.aborted ? Promise.resolve() : once(signal, 'abort')
  return { url, port, adminUrl, adminPort, done: stopped.then(close) }
}

/** Tells who the members are. */
export interface MemberSource {
  members(): readonly HeardMember[]
  on(event: 'members', listener: (members: readonly HeardMember[]) => void): unknown
}

function membershipOf({ backends }: BalancerOptions, source: MemberSource): Membership {
  const membership = new Membership()
  for (const text of backends) membership.register(parseRegistration(text)!)
  membership.heard(source.members())
  source.on('members', (members) => membership.heard(members))
  return membership
}

function laneSettings({ strategy, hashKey, hashSlots, hashVirtualNodes, hashBound }: BalancerOptions): LaneSettings {
  return { strategy, hashKey, hashSlots, hashVirtualNodes, hashBound }
}

/** Without a token whoever reaches a port is trusted, so only this machine may. */
function refuseUnsafe(host: string, token: string | undefined): void {
  if (token === undefined && !isLoopback(host))
    throw new BalancerError('UNSAFE_LISTEN', balancerErrors.UNSAFE_LISTEN(host))
}

async function listen(server: Server, host: string, port: number, option: string): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, `port ${port} of ${host}`, option)
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function urlOf(host: string, port: number): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** Takes no more connections, and lets those that are busy finish; `cut` ends what is left at the deadline. */
async function stopServer(server: Server, cut: () => void): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const deadline = setTimeout(() => {
    cut()
    // What `cut` answered is written in this turn.
    setImmediate(() => server.closeAllConnections())
  }, drainTimeMs)
  await closed
  clearTimeout(deadline)
}
