/** Follows the decisions of the receivers: for balancers, status and whoever else must know who is active. */
import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import { paths } from './incoming.ts'
import { KnownMembers } from './known-members.ts'
import {
  closeCodes,
  type Decision,
  type Figures,
  type FirstAnswer,
  type HandedOver,
  type HandOver,
  type Member,
  protocolVersion,
  type Report,
  type ToFollower,
  toFollowerSchema,
} from './protocol.ts'
import { type LinkPorts, type Loss, type Reaction, type ReceiverLink, realPorts } from './receiver-link.ts'
import { ReceiverLinks } from './receiver-links.ts'

export interface FollowOptions {
  /** `ws://` URLs of the receivers. */
  readonly receivers: readonly string[]
  /** Only a balancer may report. */
  readonly role: 'balancer' | 'observer'
  readonly name: string
  readonly token?: string | undefined
  readonly log: Logger
  /** For tests. */
  readonly ports?: LinkPorts
}

interface FollowerEvents {
  /** A decision with a higher epoch than any before of its shard. */
  decision: [decision: Decision]
  /** A receiver has said what it knows, and whether it decides: when it was reached, and every second or so. */
  receiver: [receiver: string, leads: boolean]
  /** A receiver's answer to `handOver`. */
  'handed-over': [result: HandedOver, receiver: string]
  /** The members have changed. */
  members: [members: readonly Member[]]
}

/** A receiver says something every `intervalMs`; after so many of them without a word it is gone. */
const silentIntervals = 3

export class DecisionFollower extends EventEmitter<FollowerEvents> {
  readonly #options: FollowOptions
  readonly #links: ReceiverLinks
  readonly #decisions = new Map<number, Decision>()
  readonly #members = new KnownMembers()
  /** The receivers that say they take figures. */
  readonly #takers = new WeakSet<ReceiverLink>()
  #epochSeen = 0

  /** @throws ReceiverError BAD_URL */
  constructor(options: FollowOptions) {
    super()
    this.#options = options
    this.#links = new ReceiverLinks({
      receivers: options.receivers,
      path: paths.decisions,
      ports: options.ports ?? realPorts,
      log: options.log,
      onOpen: (link) => this.#follow(link),
      onMessage: (link, text) => this.#message(link, text),
      onLost: (link, loss) => this.#lost(link, loss),
    })
  }

  /** True while at least one receiver is heard. What was decided before stays in force without one. */
  get connected(): boolean {
    return this.#links.connected
  }

  /** The decision in force as far as is known. */
  decision(shard = 0): Decision | undefined {
    return this.#decisions.get(shard)
  }

  /** The backends that requests may be sent to, in no order: a new array when it changed. What was known stays while no receiver is heard. */
  members(): readonly Member[] {
    return this.#members.members
  }

  /** Tells all receivers that a new connection to a backend was refused or timed out. */
  report(report: Omit<Report, 'type'>): void {
    this.#links.send({ type: 'report', ...report } satisfies Report)
  }

  /** Tells all receivers of an epoch that was seen elsewhere, so that they decide above it. */
  seen(epoch: number): void {
    if (epoch <= this.#epochSeen) return
    this.#epochSeen = epoch
    this.#links.send({ type: 'seen', epoch })
  }

  /** Tells the receivers that take it how the traffic is. Only a balancer may. */
  figures(figures: Figures): void {
    this.#links.sendTo((link) => this.#takers.has(link), { type: 'figures', ...figures })
  }

  /** Tells the receivers that take it of the first good answer of an epoch. Only a balancer may. */
  firstAnswer(answer: FirstAnswer): void {
    this.#links.sendTo((link) => this.#takers.has(link), { type: 'first-answer', ...answer })
  }

  /** Asks all receivers for a planned change of active; the one that leads does it. Each answers with `handed-over`. */
  handOver(request: Omit<HandOver, 'type'>): void {
    this.#links.send({ type: 'hand-over', ...request } satisfies HandOver)
  }

  close(): void {
    this.#links.close()
  }

  #follow(link: ReceiverLink): void {
    const { role, name, token } = this.#options
    const identity = { role, name, ...(token === undefined ? {} : { token }) }
    link.send(JSON.stringify({ type: 'follow', version: protocolVersion, epoch: this.#epochSeen, ...identity }))
  }

  #message(link: ReceiverLink, text: string): void {
    const message = parse(text)
    if (!message) {
      this.#options.log.debug({ receiver: link.url }, 'a message that is not of this protocol version was skipped')
      return
    }
    if (message.type === 'decided') return this.#take(message.decision)
    if (message.type === 'handed-over') return void this.emit('handed-over', message, link.url)
    if (message.type !== 'decisions') {
      if (this.#members.take(link.url, message)) this.emit('members', this.#members.members)
      return
    }
    this.#links.established(link, message.intervalMs * silentIntervals)
    // Said anew each time: another version may be started where this one was.
    if (message.takes?.includes('figures')) this.#takers.add(link)
    else this.#takers.delete(link)
    this.emit('receiver', link.url, message.leads ?? true) // one that does not say so knows no others
    for (const decision of message.decisions) this.#take(decision)
    const below = message.decisions.every(({ epoch }) => epoch < this.#epochSeen)
    if (below && this.#epochSeen > 0) link.send(JSON.stringify({ type: 'seen', epoch: this.#epochSeen }))
  }

  #take(decision: Decision): void {
    const known = this.#decisions.get(decision.shard)
    if (known && decision.epoch <= known.epoch) return
    this.#decisions.set(decision.shard, decision)
    this.#epochSeen = Math.max(this.#epochSeen, decision.epoch)
    this.emit('decision', decision)
  }

  /** A wrong token may be put right on the other side; it is an error all the same, as nobody is told anything until then. */
  #lost(link: ReceiverLink, { code, reason }: Loss): Reaction {
    if (this.#members.lost(link.url)) this.emit('members', this.#members.members)
    if (code !== closeCodes.unauthorized && code !== closeCodes.versionUnsupported) return 'retry'
    this.#options.log.error({ event: 'refused', receiver: link.url, code, reason }, `${link.url} refuses: ${reason}`)
    return 'retry-late'
  }
}

/** Connects to all receivers and keeps to them. @throws ReceiverError BAD_URL */
export function followDecisions(options: FollowOptions): DecisionFollower {
  return new DecisionFollower(options)
}

// A schema is compiled when it first reads something: that of the message that all wait for is not to wait until then.
const nobody = { shard: 0, epoch: 1, name: 'nobody', incarnation: 'nobody', url: 'http://nobody', exactlyOnce: true }
void toFollowerSchema.safeParse({ type: 'decided', decision: nobody })

function parse(text: string): ToFollower | undefined {
  try {
    return toFollowerSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
