/** Puts the balancer together around a follower of decisions: lanes and clients' port, and the control beside them. */
import { once } from 'node:events'
import type { Logger } from 'pino'
import { realTime } from '../checkpoint/time.ts'
import { type TlsPair, watchTlsPair } from '../heartbeat-receiver/tls-pair.ts'
import { AccessLog } from './access-log.ts'
import { BalancedLane } from './balanced-lane.ts'
import { BodyBudget, BodyReaders } from './body.ts'
import type { BalancerOptions } from './config.ts'
import { ConnectionLimits } from './connection-limits.ts'
import { createControl, type MemberSource, membershipOf } from './control.ts'
import type { ExchangeContext } from './exchange.ts'
import { type FiguresTaker, tellFigures } from './figures-teller.ts'
import { BackendPool, connectionsMax } from './forward.ts'
import { Forwarding } from './forwarding.ts'
import type { LaneSettings } from './lane-settings.ts'
import { Lanes } from './lanes.ts'
import { idleGraceMs, listen, portOf, refuseUnsafe, stopServer, urlOf } from './listening.ts'
import type { Membership } from './membership.ts'
import { Metrics } from './metrics.ts'
import { randomDigits } from './random-digits.ts'
import { type DecisionFollower, ReplayLane } from './replay-lane.ts'
import { countArrivals } from './replicas/auto-replicas.ts'
import { RequestChecks } from './request-checks.ts'
import { replacePair } from './secure-server.ts'
import { clientServer } from './server.ts'
import { StandbyConnections } from './standby-connections.ts'
import { StandbyLane } from './standby-lane.ts'
import { breakerLimitsOf, retryLimitsOf } from './strategies/config.ts'
import { StreamLane } from './stream-lane.ts'
import { TcpProxy } from './tcp-proxy.ts'
import { readTlsMaterial } from './tls-material.ts'
import { trustOf } from './trust.ts'

export interface RunningBalancer {
  url: string
  port: number
  adminUrl: string
  adminPort: number
  /** Of TCP mode; null if it is off. */
  tcpPort: number | null
  /** Settles when it ended. */
  done: Promise<void>
}

/** What the part that clients reach is told by others. */
export interface FrontSources {
  follower: DecisionFollower
  membership: Membership
  metrics: Metrics
  log: Logger
}

/** The part of a balancer that clients reach. */
export interface Front {
  lane: Lanes
  /** How many requests arrived since the start. */
  arrived: () => number
  /** Resolves with the port. `shared` lets other processes listen on it too. Rejects with a BalancerError. */
  listen(port: number, shared?: boolean): Promise<number>
  /** The port of TCP mode once it listens; null if it is off. */
  tcpPort(): number | null
  /** Takes no more connections, and lets those that are busy finish until the deadline. */
  close(): Promise<void>
}

/** Throws a TlsError if what TLS needs cannot be read. */
export function createFront(options: BalancerOptions, { follower, membership, metrics, log }: FrontSources): Front {
  const { host, token, holdTimeMs, holdRequests, holdBytes, replayBodyBytes } = options
  const time = realTime
  const { now } = time
  const limits = { timeMs: holdTimeMs, requestsMax: holdRequests, bytesMax: holdBytes }
  const { files, pair, backendCa } = readTlsMaterial(options)
  const standbysAtHand = new StandbyConnections({
    membership,
    make: (target) => new BackendPool(target, () => undefined, backendCa),
    time,
  })
  const { connect } = standbysAtHand
  const active = new ReplayLane({ limits, token, follower, observer: metrics, log, time, connect })
  const balanced = new BalancedLane({
    ...{ membership, limits, log, time, observer: metrics, random: Math.random },
    settings: { ...options, strategy: options.strategy === 'active' ? 'round-robin' : options.strategy },
    requestsMax: options.backendRequests,
    breaker: breakerLimitsOf(options),
    backendCa,
    retries: retryLimitsOf(options),
  })
  const standbys =
    options.reads === 'standby'
      ? new StandbyLane({
          ...{ membership, token, backendCa, log, time, observer: metrics },
          limitMs: options.readsStalenessMs,
          patienceMs: holdTimeMs,
          fallback: (job) => lane.adopt(job),
        })
      : undefined
  const lane = new Lanes({ active, balanced, standbys }, laneSettings(options), log)
  const forwarding = new Forwarding({ trusts: trustOf(options.trustForwarded), randomHex: randomDigits })
  const access = new AccessLog(log, options.accessLog, Math.random)
  const streams = new StreamLane({
    ...{ targets: lane, forwarding, backendCa, access, now, holdTimeMs },
    waitingMax: holdRequests,
  })
  metrics.watch({
    held: () => lane.held,
    takeHeldPeak: () => lane.takeHeldPeak(),
    epoch: () => active.target?.epoch ?? 0,
    members: () => membership.members.length,
    streams: () => streams.count,
  })
  // Bodies that are held, and those that are read or under way on all connections.
  const budget = new BodyBudget(holdBytes + connectionsMax * replayBodyBytes)
  const pace = { pauseMaxMs: options.bodyTimeMs, bytesPerSecondMin: options.bodyRate }
  const bodyBytesMax = options.bodyLimitBytes
  const bytesMax = bodyBytesMax > 0 ? Math.min(bodyBytesMax, replayBodyBytes) : replayBodyBytes
  const bodies = new BodyReaders({ bytesMax, budget, pace, now })
  const answered = metrics.answered.bind(metrics)
  const context: ExchangeContext = {
    lane,
    streams,
    bodies,
    forwarding,
    connections: new ConnectionLimits({ ...options, now }),
    checks: new RequestChecks({
      urlBytesMax: options.urlBytes,
      headerCountMax: options.headerCount,
      bodyBytesMax,
    }),
    pace,
    bodyBytesMax,
    replayBodyBytes,
    now,
    answered,
    access,
    stopping: false,
  }
  const clients = clientServer(context, options, pair)
  const arrived = countArrivals(clients)
  metrics.watchArrivals(arrived)
  if (pair) metrics.certificate(pair)
  const use = (next: TlsPair) => {
    replacePair(clients, next)
    metrics.certificate(next)
  }
  const unwatch = files && pair ? watchTlsPair({ files, pair, use, log }) : undefined

  const tcp = options.tcp === undefined ? undefined : createTcp(options, follower, log)

  const close = async () => {
    context.stopping = true
    tcp?.server.close()
    tcp?.close()
    unwatch?.()
    streams.stop()
    const cut = () => {
      lane.close()
      streams.close()
    }
    await stopServer(clients, cut, idleGraceMs)
    lane.close()
    standbysAtHand.close()
    streams.close()
    bodies.close()
  }
  const listenOn = async (port: number, shared = false) => {
    await listen(clients, host, port, '--port', shared)
    if (tcp) await listen(tcp.server, host, options.tcp!, '--tcp', shared)
    return portOf(clients)
  }
  const tcpPort = () => (tcp ? portOf(tcp.server) : null)
  return { lane, arrived, listen: listenOn, tcpPort, close }
}

/** Starts a balancer in this process; it owns `follower` from now on. Rejects with a BalancerError or a TlsError. */
export async function runBalancer(
  options: BalancerOptions,
  follower: DecisionFollower & FiguresTaker & MemberSource & { close(): void },
  log: Logger,
  signal: AbortSignal,
): Promise<RunningBalancer> {
  const { host, token } = options
  const metrics = new Metrics()
  const membership = membershipOf(options, follower)
  const front = ending(follower, () => createFront(options, { follower, membership, metrics, log }))
  const { lane, arrived } = front
  const control = createControl(options, { ready: () => lane.ready, strategy: lane, metrics, arrived, membership, log })

  const endFigures = tellFigures(() => metrics.counted(), follower)

  const close = async () => {
    await front.close()
    endFigures()
    follower.close()
    await control.close()
  }
  try {
    refuseUnsafe(host, token)
    const port = await front.listen(options.port)
    const adminPort = await control.listen()
    const url = urlOf(host, port, options.tlsCert ? 'https' : 'http')
    const adminUrl = urlOf(host, adminPort)
    const tcpPort = front.tcpPort()
    log.info({ event: 'listening', url, adminUrl, tcpPort }, `balancer listens on ${url}`)
    if (!lane.ready) logWaiting(options, log)
    control.startReplicas()
    const stopped = signal.aborted ? Promise.resolve() : once(signal, 'abort')
    return { url, port, adminUrl, adminPort, tcpPort, done: stopped.then(close) }
  } catch (error) {
    await close()
    throw error
  }
}

function createTcp(options: BalancerOptions, follower: DecisionFollower, log: Logger): TcpProxy {
  const { holdTimeMs, holdRequests: waitingMax, connections: connectionsMax, tcpBackendPort: backendPort } = options
  return new TcpProxy({
    follower,
    backendPort,
    connectionsMax,
    holdTimeMs,
    waitingMax,
    log: log.child({ mode: 'tcp' }),
  })
}

/** What `make` makes; if that fails, what was to be used is ended too. */
function ending<Made>(used: { close(): void }, make: () => Made): Made {
  try {
    return make()
  } catch (error) {
    used.close()
    throw error
  }
}

/** Says why requests are held. */
export function logWaiting({ strategy, receivers }: BalancerOptions, log: Logger): void {
  const what = strategy === 'active' ? 'a decision' : 'a backend'
  log.info({ event: 'waiting', for: what, receivers }, `waits for ${what}; requests are held`)
}

/** Those of the options. */
export function laneSettings({
  strategy,
  hashKey,
  hashSlots,
  hashVirtualNodes,
  hashBound,
}: BalancerOptions): LaneSettings {
  return { strategy, hashKey, hashSlots, hashVirtualNodes, hashBound }
}
