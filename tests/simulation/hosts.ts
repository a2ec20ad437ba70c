/** The three kinds of servers as they stand in the simulated world: production classes, and around them what a machine would be. */

import type { Logger } from 'pino'
import { BackendNode } from '../../backend/backend-node.ts'
import { router } from '../../checkpoint/index.ts'
import type { CheckpointLimits } from '../../checkpoint/limits.ts'
import type { RouterTable } from '../../checkpoint/router.ts'
import { officeRoutes } from '../../compose/ticket-office/office-routes.ts'
import { DecisionFollower } from '../../heartbeat-receiver/decision-follower.ts'
import type { ProbeOutcome } from '../../heartbeat-receiver/events.ts'
import { probeTimeoutMs } from '../../heartbeat-receiver/prober.ts'
import { ReceiverNode, type ReceiverPorts } from '../../heartbeat-receiver/receiver-node.ts'
import { DecisionJournal } from '../../load-balancer/decision-journal.ts'
import { DecisionSources } from '../../load-balancer/decision-sources.ts'
import type { HoldLimits } from '../../load-balancer/holding.ts'
import type { Job, Outlet } from '../../load-balancer/job.ts'
import { problemAnswer } from '../../load-balancer/problem.ts'
import { ReplayLane } from '../../load-balancer/replay-lane.ts'
import type { End, EndHandlers } from './connection.ts'
import { SimConnections, type SimRequest } from './http.ts'
import { SimHttpServer } from './http-server.ts'
import type { BrokerOptions, SimLog } from './kafka.ts'
import { addressOf, type Network } from './network.ts'
import type { SimProcess } from './process.ts'
import { SimJournal } from './sim-journal.ts'
import { SimSnapshots, type SimSnapshotTopic } from './snapshots.ts'
import { linkPorts, ReceiverSockets } from './web-sockets.ts'

/** What all processes of a world share. */
export interface Surroundings {
  readonly network: Network
  readonly brokers: BrokerOptions
  readonly shard: SimLog
  readonly decisions: SimLog
  readonly snapshots: SimSnapshotTopic | null
  readonly receivers: readonly string[]
  /** As a receiver of this name is configured. */
  heartbeatMsOf(name: string): number
  readonly limits: Partial<CheckpointLimits>
  readonly hold: HoldLimits
  logOf(process: SimProcess): Logger
  /** A process ends by its own decision, and says why. */
  ended(process: SimProcess, error: Error): void
  count(kind: string): void
}

export class BackendHost {
  readonly process: SimProcess
  readonly node: BackendNode
  readonly #unlisten: () => void

  constructor(process: SimProcess, url: string, around: Surroundings) {
    this.process = process
    const { network, brokers, shard, snapshots, receivers, limits } = around
    let ids = 0
    const newId = () => `${process.incarnation}-${++ids}`
    const server = new SimHttpServer({
      handle: (request, response) => handle(request as never, response),
      openSession: (request, response) => this.node.routes.openSession(request, response),
    })
    this.node = new BackendNode({
      ...{ name: process.name, incarnation: process.incarnation, url: () => url },
      journal: new SimJournal(brokers, shard, process),
      ...(snapshots && { snapshots: new SimSnapshots(brokers, snapshots, process) }),
      ...{ limits, receivers, weight: 1, direct: true, log: around.logOf(process), newId },
      ...{ time: process.time, random: process.random, ports: linkPorts(network, process) },
      inFlight: () => server.inFlight,
      onFailed: (error) => around.ended(process, error as Error),
    })
    const table: Record<string, RouterTable[string]> = {}
    for (const [row, handler] of Object.entries(officeRoutes(this.node.checkpoint, newId)))
      table[row] = this.node.checkpoint.route(handler) as RouterTable[string]
    const handle = router(table)
    network.listen(addressOf(url), process, (end) => server.accept(end))
    this.#unlisten = () => network.unlisten(addressOf(url), process)
    this.node.join()
  }

  /** As `backend.ts` ends: it hands over while it serves, then takes no more, and leaves its journal. */
  end(ended: () => void): void {
    const end = async () => {
      await this.node.handOver()
      this.#unlisten()
      await this.node.close()
    }
    end().then(ended, ended)
  }
}

export class ReceiverHost {
  readonly process: SimProcess
  readonly node: ReceiverNode
  readonly #sockets: ReceiverSockets
  readonly #unlisten: () => void

  constructor(process: SimProcess, url: string, around: Surroundings) {
    this.process = process
    const { network, brokers, decisions, receivers } = around
    const heartbeatMs = around.heartbeatMsOf(process.name)
    this.#sockets = new ReceiverSockets({
      process,
      take: (input) => this.node.take(input),
      welcome: () => this.node.welcome(),
    })
    this.node = new ReceiverNode({
      ...{ name: process.name, incarnation: process.incarnation, url: () => url, heartbeatMs },
      journal: new SimJournal(brokers, decisions, process),
      peers: receivers.filter((peer) => peer !== url),
      ...{ time: process.time, random: process.random, log: around.logOf(process) },
      ports: this.#ports(around),
      dial: linkPorts(network, process).dial,
    })
    network.listen(addressOf(url), process, (end) => this.#sockets.accept(end))
    this.#unlisten = () => network.unlisten(addressOf(url), process)
    this.node.start()
  }

  /** As `service.ts` ends. */
  end(ended: () => void): void {
    const left = this.node.close()
    this.#unlisten()
    this.#sockets.closeAll()
    left.then(ended, ended)
  }

  get open(): number {
    return this.#sockets.open
  }

  #ports(around: Surroundings): ReceiverPorts {
    const sockets = this.#sockets
    return {
      send: (connection, message) => {
        if (message.type === 'ack' && message.lease) around.count('lease granted')
        sockets.send(connection, message)
      },
      close: (connection, code, reason) => sockets.close(connection, code, reason),
      broadcast: (message) => sockets.broadcast(message),
      tell: (follower, message) => {
        if (message.type === 'handed-over') around.count(`handover ${message.failure ?? 'done'}`)
        sockets.tell(follower, message)
      },
      tellAll: (messages) => sockets.tellAll(messages),
      tellPeers: (message) => sockets.tellPeers(message),
      probe: (url) => probe(around.network, this.process, url),
      publish: (event) => around.count(`event ${event.type}`),
      failedOver: () => undefined,
      leads: (leads) => around.count(leads ? 'receiver began to lead' : 'receiver ceased to lead'),
      failed: (error) => around.ended(this.process, error),
    }
  }
}

/** A fresh connection, closed at once: what `prober.ts` is over sockets. */
function probe(network: Network, process: SimProcess, url: string): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    network.connect(
      process,
      addressOf(url),
      probeTimeoutMs,
      (end) => {
        end.terminate()
        resolve('connected')
        return { onItem: () => undefined, onClose: () => undefined }
      },
      resolve,
    )
  })
}

export class BalancerHost {
  readonly process: SimProcess
  readonly lane: ReplayLane
  readonly follower: DecisionFollower

  constructor(process: SimProcess, url: string, around: Surroundings) {
    this.process = process
    const { network, brokers, decisions, receivers, hold } = around
    const log = around.logOf(process)
    this.follower = new DecisionFollower({
      ...{ receivers, role: 'balancer', name: process.name, log },
      ports: linkPorts(network, process),
    })
    const { time, random } = process
    let ids = 0
    const sources = new DecisionSources({
      receivers: this.follower,
      journal: (read) =>
        new DecisionJournal({
          ports: () => ({ journal: new SimJournal(brokers, decisions, process) }),
          ...{ read, log, time, random, newId: () => `${process.incarnation}-${++ids}` },
        }),
      time,
    })
    this.lane = new ReplayLane({
      ...{ limits: hold, token: undefined, follower: sources, log, time },
      observer: { replayed: (reason) => around.count(`replay ${reason}`), failedOver: () => around.count('failover') },
      connect: (target, settled) => new SimConnections(network, process, target, settled),
    })
    network.listen(addressOf(url), process, (end) => this.#accept(end))
  }

  /** A client's connection: one request after the other. */
  #accept(end: End): EndHandlers {
    let job: Job | null = null
    return {
      onItem: (item) => {
        const { method, path, headers, body } = item as SimRequest
        const outgoing = {
          method,
          path,
          headers: Object.entries(headers).flat(),
          body: body === null ? null : Buffer.from(body),
        }
        job = this.lane.submit({ outlet: outletOf(end), outgoing, key: headers['idempotency-key'] ?? null })
      },
      onClose: () => {
        if (job && !job.done) job.owner.abandon(job)
      },
    }
  }
}

/** What `exchange.ts` is over sockets, for answers that fit into one piece. */
function outletOf(end: End): Outlet {
  return {
    answer: (_job, { status, headers }, body) => {
      end.send({ status, headers, body: body?.toString() ?? '' })
    },
    begin: () => {
      throw new Error('assertion: no answer of the office is a stream')
    },
    write: () => true,
    end: () => undefined,
    cut: () => end.terminate(),
    problem: (job, problem) => {
      const { status, body } = problemAnswer(problem, job.provenance)
      end.send({ status, headers: {}, body: body.toString() })
    },
  }
}
