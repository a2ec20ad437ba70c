/** Tells the receivers that this backend is alive and how it is, and hears from them when it is to lead. */
import type { Logger } from 'pino'
import type { LeaseGrant } from '../checkpoint/lease.ts'
import type { Moment } from '../checkpoint/staleness.ts'
import { realTime } from '../checkpoint/time.ts'
import { paths } from '../heartbeat-receiver/incoming.ts'
import {
  closeCodes,
  type Goodbye,
  type Heartbeat,
  type Hello,
  protocolVersion,
  reasonLengthMax,
  type ToBackend,
  toBackendSchema,
  type Yielded,
} from '../heartbeat-receiver/protocol.ts'
import {
  type LinkPorts,
  type Loss,
  type Reaction,
  type ReceiverLink,
  realPorts,
} from '../heartbeat-receiver/receiver-link.ts'
import { ReceiverLinks } from '../heartbeat-receiver/receiver-links.ts'
import { BackendError } from './errors.ts'

/** What a heartbeat says of the backend. */
export type HeartbeatStatus = Omit<Heartbeat, 'type' | 'sequence'>

export interface HeartbeatOptions {
  /** `ws://` URLs of the receivers. */
  readonly receivers: readonly string[]
  /** Who this is. */
  readonly hello: Omit<Hello, 'type' | 'version' | 'token'>
  readonly token?: string | undefined
  readonly log: Logger
  /** Asked for at each heartbeat. */
  readonly status: () => HeartbeatStatus
  /** This incarnation is to begin a reign. Called once for each epoch, in rising order. Answer with `refuse` if it cannot be. */
  readonly onLead: (epoch: number) => void
  /** An epoch that a receiver says is in force. Called with every answer to a heartbeat. */
  readonly onEpoch?: (epoch: number) => void
  /** A receiver grants a lease. Called with every one, whoever grants it. */
  readonly onLease?: (lease: LeaseGrant) => void
  /** Another is to be named in place of this one: any lease under this epoch is to be given up before it returns, as `yielded` is said then. */
  readonly onYield?: (epoch: number) => void
  /** It is to say `draining` with its heartbeats from now on, or no longer. Only told to one whose hello says that it takes `drain`. */
  readonly onDrain?: (draining: boolean) => void
  /** The receivers do not take this backend, and will not: it must end. Called once. */
  readonly onRefused: (error: BackendError) => void
  /** Called before each regular heartbeat. */
  readonly onHeartbeat?: () => void
  /** Connections and time other than the real ones. */
  readonly ports?: LinkPorts
  /** Unix milliseconds of the wall clock, if not the real one. */
  readonly wall?: () => number
}

export interface Heartbeats {
  /** True while at least one receiver has welcomed this backend. */
  readonly connected: boolean
  /** Sends a heartbeat at once: the status has changed. */
  statusChanged(): void
  /** Says that this backend will not lead under this epoch, and why. */
  refuse(epoch: number, reason: string): void
  /** Says goodbye and ends. `crash` is said by whoever watches a server that has died. */
  close(reason?: string, crash?: { lastLines: string[] }): void
}

/** A predecessor of the same name may have died without the receiver having noticed yet: so long it is asked again, milliseconds. */
const nameTakenPatienceMs = 5_000
/** A receiver answers each heartbeat; after so many without an answer, and at least so long, it is gone. */
const silentHeartbeats = 10
const silenceMinMs = 1_000
/** Of so many unanswered heartbeats the moment of sending is remembered; an answer to an older one grants nothing. */
const unansweredMax = 64

/** Begins to connect to all receivers. @throws ReceiverError BAD_URL */
export function startHeartbeats(options: HeartbeatOptions): Heartbeats {
  return new HeartbeatClient(options)
}

interface Rhythm {
  sequence: number
  intervalMs: number
  /** When each heartbeat was sent that is not answered yet, by its sequence. */
  readonly unanswered: Map<number, Moment>
  cancel: () => void
}

class HeartbeatClient implements Heartbeats {
  readonly #options: HeartbeatOptions
  readonly #ports: LinkPorts
  readonly #wall: () => number
  readonly #links: ReceiverLinks
  /** The receivers that have welcomed us. */
  readonly #rhythms = new Map<ReceiverLink, Rhythm>()
  #epochLed = 0
  #refused: { epoch: number; reason: string } | null = null
  #nameTakenSinceMs: number | null = null
  #ended = false

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#ports = options.ports ?? realPorts
    this.#wall = options.wall ?? realTime.wall
    this.#links = new ReceiverLinks({
      receivers: options.receivers,
      path: paths.heartbeats,
      ports: this.#ports,
      log: options.log,
      onOpen: (link) => this.#sayHello(link),
      onMessage: (link, text) => this.#message(link, text),
      onLost: (link, loss) => this.#lost(link, loss),
    })
  }

  get connected(): boolean {
    return this.#links.connected
  }

  statusChanged(): void {
    for (const [link, rhythm] of this.#rhythms) this.#beat(link, rhythm)
  }

  refuse(epoch: number, reason: string): void {
    this.#refused = { epoch, reason: reason.slice(0, reasonLengthMax) }
    this.#links.send({ type: 'refuse', ...this.#refused })
  }

  close(reason = 'stopped in order', crash?: { lastLines: string[] }): void {
    if (this.#ended) return
    const crashed = crash ? { crashed: true, ...crash } : {}
    this.#links.send({ type: 'goodbye', reason: reason.slice(0, reasonLengthMax), ...crashed } satisfies Goodbye)
    this.#end()
  }

  #end(): void {
    this.#ended = true
    for (const { cancel } of this.#rhythms.values()) cancel()
    this.#rhythms.clear()
    this.#links.close()
  }

  #sayHello(link: ReceiverLink): void {
    const { hello, token } = this.#options
    const secret = token === undefined ? {} : { token }
    link.send(JSON.stringify({ type: 'hello', version: protocolVersion, ...hello, ...secret } satisfies Hello))
  }

  #message(link: ReceiverLink, text: string): void {
    const message = parse(text)
    if (message && message.type !== 'lead' && message.type !== 'drain') this.#options.onEpoch?.(message.epoch)
    if (message?.type === 'welcome') this.#welcomed(link, message.heartbeatIntervalMs)
    else if (message?.type === 'lead') this.#lead(link, message)
    else if (message?.type === 'ack') this.#answered(link, message)
    else if (message?.type === 'yield') this.#yield(link, message.epoch)
    else if (message?.type === 'drain') this.#options.onDrain?.(message.draining)
    else if (!message)
      this.#options.log.debug({ receiver: link.url }, 'a message that is not of this protocol version was skipped')
  }

  #welcomed(link: ReceiverLink, intervalMs: number): void {
    this.#nameTakenSinceMs = null
    this.#links.established(link, Math.max(intervalMs * silentHeartbeats, silenceMinMs))
    const before = this.#rhythms.get(link)
    before?.cancel()
    const rhythm: Rhythm = {
      sequence: before?.sequence ?? 0,
      intervalMs,
      unanswered: before?.unanswered ?? new Map(),
      cancel: () => undefined,
    }
    this.#rhythms.set(link, rhythm)
    this.#beat(link, rhythm)
  }

  #lead(link: ReceiverLink, { epoch, incarnation }: ToBackend & { type: 'lead' }): void {
    if (incarnation !== this.#options.hello.incarnation) return
    if (this.#refused?.epoch === epoch) link.send(JSON.stringify({ type: 'refuse', ...this.#refused }))
    if (epoch <= this.#epochLed) return
    this.#epochLed = epoch
    this.#options.onLead(epoch)
  }

  /** A grant counts from when the heartbeat left that it answers: what has passed since on either way counts against it. */
  #answered(link: ReceiverLink, { sequence, lease }: ToBackend & { type: 'ack' }): void {
    const unanswered = this.#rhythms.get(link)?.unanswered
    const sentAt = unanswered?.get(sequence)
    if (!unanswered || !sentAt) return
    for (const earlier of unanswered.keys()) if (earlier <= sequence) unanswered.delete(earlier)
    if (lease) this.#options.onLease?.({ ...lease, sentAt })
  }

  #yield(link: ReceiverLink, epoch: number): void {
    this.#options.onYield?.(epoch)
    link.send(JSON.stringify({ type: 'yielded', epoch } satisfies Yielded))
  }

  /** Sends a heartbeat; the next is due an interval later. */
  #beat(link: ReceiverLink, rhythm: Rhythm): void {
    rhythm.cancel()
    const sequence = ++rhythm.sequence
    const text = JSON.stringify({ type: 'heartbeat', sequence, ...this.#options.status() } satisfies Heartbeat)
    const { unanswered } = rhythm
    unanswered.set(sequence, { monotonicMs: this.#ports.now(), wallMs: this.#wall() })
    if (unanswered.size > unansweredMax) unanswered.delete(sequence - unansweredMax)
    link.send(text)
    rhythm.cancel = this.#ports.after(rhythm.intervalMs, () => {
      this.#options.onHeartbeat?.()
      if (!this.#ended) this.#beat(link, rhythm)
    })
  }

  #lost(link: ReceiverLink, { code, reason }: Loss): Reaction {
    this.#rhythms.get(link)?.cancel()
    this.#rhythms.delete(link)
    if (code === closeCodes.nameTaken && this.#isPatient()) return 'retry'
    const final: readonly number[] = [closeCodes.nameTaken, closeCodes.unauthorized, closeCodes.versionUnsupported]
    if (!final.includes(code)) return 'retry'
    if (this.#ended) return 'stop'
    this.#end()
    this.#options.onRefused(new BackendError('REFUSED_BY_RECEIVER', `the receiver at ${link.url} refuses: ${reason}`))
    return 'stop'
  }

  #isPatient(): boolean {
    const nowMs = this.#ports.now()
    this.#nameTakenSinceMs ??= nowMs
    return nowMs - this.#nameTakenSinceMs < nameTakenPatienceMs
  }
}

// A schema is compiled when it first reads something: that of the message by which a successor is named is not to wait until then.
void toBackendSchema.safeParse({ type: 'lead', shard: 0, epoch: 1, incarnation: 'nobody' })

function parse(text: string): ToBackend | undefined {
  try {
    return toBackendSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
