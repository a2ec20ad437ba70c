/**
 * Connections to standbys, held open in advance: the first requests after a failover are not to wait until connections are made. Nothing but a
 * request for a sign of life goes over them until their standby is named, and what befalls them says nothing about anybody.
 */
import type { Time } from '../checkpoint/time.ts'
import type { BackendConnections, Connect } from './backend-connections.ts'
import type { Member } from './membership.ts'
import type { Target } from './routing.ts'

/** Connections that can be held open before anybody needs them. */
export interface IdleConnections extends BackendConnections {
  /** Opens so many connections that are not open, and sends on each a sign of life, so that it stays. */
  stayOpen(count: number): void
  /** From now on they are used, and `settled` is told of them. */
  use(settled: () => void): void
}

export interface StandbyConnectionsOptions {
  membership: { readonly members: readonly Member[]; onChange(listener: () => void): void }
  /** Makes connections to a backend; none is open before one is asked for. */
  make: (target: Target) => IdleConnections
  time: Time
}

/** Connections to each: those that come first answer the first requests, and the others are opened meanwhile. */
export const standbyConnectionsMax = 8
/** So many standbys are kept at hand, at most: of those that receivers prefer, one is likely to be the next. */
export const standbysMax = 4
/** Shorter than any side keeps an idle connection; so soon, too, a lost one is opened again. Milliseconds. */
export const signOfLifeMs = 5_000

interface AtHand {
  readonly member: Member
  readonly connections: IdleConnections
}

export class StandbyConnections {
  readonly #options: StandbyConnectionsOptions
  readonly #stop: () => void
  #atHand = new Map<string, AtHand>()
  /** Who was named last: receivers may tell of it as a standby until its claim is valid. */
  #named: string | null = null
  #closed = false

  constructor(options: StandbyConnectionsOptions) {
    this.#options = options
    options.membership.onChange(() => this.#follow())
    this.#stop = options.time.every(signOfLifeMs, () => {
      for (const { connections } of this.#atHand.values()) connections.stayOpen(standbyConnectionsMax)
    })
    this.#follow()
  }

  /** Connections to `target`: those at hand, if there are. */
  readonly connect: Connect = (target, settled) => {
    const { incarnation, url } = target
    this.#named = incarnation
    const known = incarnation === null ? undefined : this.#atHand.get(incarnation)
    const connections = known?.member.url === url ? known.connections : this.#options.make(target)
    if (connections === known?.connections) this.#atHand.delete(known.member.incarnation!)
    connections.use(settled)
    return connections
  }

  close(): void {
    this.#closed = true
    this.#stop()
    for (const { connections } of this.#atHand.values()) connections.destroy()
    this.#atHand.clear()
  }

  /** One that was a standby is kept until it is named or gone: between the two it is neither standby nor active. */
  #follow(): void {
    if (this.#closed) return
    const there = new Map(this.#options.membership.members.map((member) => [member.incarnation, member]))
    for (const [incarnation, { member, connections }] of this.#atHand) {
      if (there.get(incarnation)?.url === member.url) continue
      this.#atHand.delete(incarnation)
      connections.destroy()
    }
    const standbys = this.#options.membership.members
      .filter(({ phase, exactlyOnce, incarnation }) => phase === 'standby' && exactlyOnce && incarnation !== null)
      .sort((a, b) => b.weight - a.weight)
    for (const member of standbys) {
      if (this.#atHand.size >= standbysMax) return
      if (member.incarnation === this.#named || this.#atHand.has(member.incarnation!)) continue
      this.#keep(member)
    }
  }

  #keep(member: Member): void {
    const { url, name, incarnation } = member
    const connections = this.#options.make({ epoch: 0, url, name, incarnation, exactlyOnce: true })
    this.#atHand.set(incarnation!, { member, connections })
    connections.stayOpen(standbyConnectionsMax)
  }
}
