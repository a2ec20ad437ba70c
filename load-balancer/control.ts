/** The part of a balancer that knows who is there, and that people reach: members, replicas, the admin port. */
import { createServer } from 'node:http'
import type { Logger } from 'pino'
import { type AdminSources, adminApp } from './admin.ts'
import type { BalancerOptions } from './config.ts'
import { listen, portOf, stopServer } from './listening.ts'
import { type HeardMember, Membership } from './membership.ts'
import { parseRegistration } from './registration.ts'
import { arrivalsIn } from './replicas/auto-replicas.ts'
import { MemberControl } from './replicas/member-control.ts'
import { createReplicas, startReplicas } from './replicas/replicas.ts'

/** Tells who the members are. */
export interface MemberSource {
  members(): readonly HeardMember[]
  on(event: 'members', listener: (members: readonly HeardMember[]) => void): unknown
}

/** Those registered by the options, and those that `source` tells of. */
export function membershipOf({ backends }: BalancerOptions, source: MemberSource): Membership {
  const membership = new Membership()
  for (const text of backends) membership.register(parseRegistration(text)!)
  membership.heard(source.members())
  source.on('members', (members) => membership.heard(members))
  return membership
}

/** What the admin port shows and changes of the part that clients reach. */
export type ControlSources = Pick<AdminSources, 'ready' | 'strategy' | 'metrics'> & {
  readonly membership: Membership
  /** How many requests arrived since the start; without it the metrics are asked. */
  readonly arrived?: () => number
  readonly log: Logger
}

export interface Control {
  /** Resolves with the port. Rejects with a BalancerError. */
  listen(): Promise<number>
  /** Starts what `--replicas` asks for. */
  startReplicas(): void
  close(): Promise<void>
}

export function createControl(options: BalancerOptions, sources: ControlSources): Control {
  const { ready, strategy, metrics, membership, log } = sources
  const { host, token, adminPort } = options
  const arrived = sources.arrived ?? (async () => arrivalsIn(await metrics.text()))
  const replicaSources = { membership, arrived, log, now: () => performance.now() }
  const replicas = createReplicas(options, replicaSources)
  let stopScaling: (() => void) | undefined
  const members = new MemberControl(membership, replicas, log)
  const admin = createServer(adminApp({ ready, token, strategy, members, metrics }))
  return {
    async listen() {
      await listen(admin, host, adminPort, '--admin-port')
      return portOf(admin)
    },
    startReplicas() {
      if (replicas) stopScaling = startReplicas(options, replicas, replicaSources)
    },
    async close() {
      stopScaling?.()
      await replicas?.close()
      await stopServer(admin, () => undefined)
    },
  }
}
