/** Sends requests to one backend over kept-alive connections. The undici shell. */
import { Client, type Dispatcher } from 'undici'
import { sessionsPath } from '../checkpoint/request-headers.ts'
import { realTime } from '../checkpoint/time.ts'
import { Bag } from './bag.ts'
import { connectorOf } from './connecting.ts'
import type { Target } from './routing.ts'
import { type Outgoing, Sending, type SendingListener, type SendingOwner } from './sending.ts'
import type { IdleConnections } from './standby-connections.ts'

/** Most connections to one backend that wait for its answers; more requests wait their turn. */
export const connectionsMax = 256
/** Most connections to one backend whose answers have begun: slow readers, who must not take the others' place. */
const begunMax = 4_096
/** How long the connections to a deposed backend stay open, milliseconds. */
const hangUpDelayMs = 50
/** Shorter than a backend keeps an idle connection, so that it is ours to close. Milliseconds. */
const idleTimeoutMs = 30_000

/**
 * So many connections may be in the making before held requests wait for one another. Opening one takes about 0.1 ms of
 * this process, and the first answer after a failover is not to wait for the last connection.
 */
const connectingMax = 8

const clientOptions: Client.Options = {
  pipelining: 1,
  allowH2: false,
  keepAliveTimeout: idleTimeoutMs,
  keepAliveMaxTimeout: idleTimeoutMs,
  // Slowness is no failure: a decision ends a wait, or a lost connection.
  headersTimeout: 0,
  bodyTimeout: 0,
}

/** The connections to one backend. */
export class BackendPool implements IdleConnections, SendingOwner {
  readonly time = realTime
  readonly url: string
  /** Signs of life so far. */
  heard = 0
  /** Everything under way, also answers that have begun. */
  readonly #underWay = new Bag<Sending>()
  #settled: () => void
  /** Answers that have begun. */
  #begun = 0
  readonly #prefix: string
  readonly #origin: URL
  readonly #options: Client.Options
  readonly #connect: ReturnType<typeof connectorOf>
  readonly #clients = new Set<Client>()
  /** One connection each. The last that was freed is the first to be used: its buffers are still in the processor's cache. */
  readonly #free: Client[] = []
  #connecting = 0
  /** Connections that are opened, or asked for a sign of life, before anybody needs them. */
  #idling = 0
  #used = true
  /** True while only what is open already is to be used. */
  #openFirst = false
  #probe: Client | undefined
  #retiring: NodeJS.Timeout | undefined
  #hungUp = false

  /**
   * @param settled called each time a connection was made or not, and when there is room again
   * @param ca certificates in which to trust for `https://` beside none else; the system's if undefined
   */
  constructor(target: Target, settled: () => void, ca?: string) {
    const { origin, pathname } = new URL(target.url)
    this.url = target.url
    this.#settled = settled
    this.#prefix = pathname.replace(/\/$/, '')
    this.#connect = connectorOf(ca)
    this.#origin = new URL(origin)
    this.#options = {
      ...clientOptions,
      connect: (options, callback) => {
        // What nobody asked for yet is in nobody's way.
        const counted = this.#used ? 1 : 0
        this.#connecting += counted
        this.#connect(options, (...result) => {
          this.#connecting -= counted
          callback(...result)
          this.#settled()
        })
      },
    }
  }

  /** Requests under way. */
  get inFlight(): number {
    return this.#underWay.size
  }

  /** Sendings whose answer has not begun for the client, oldest first. */
  waiting(): Sending[] {
    const waiting = this.#underWay.items.filter(({ state }) => state !== 'begun')
    return waiting.sort((a, b) => a.sentAtMs - b.sentAtMs)
  }

  /** True if no more may be sent now. */
  get full(): boolean {
    return this.#underWay.size - this.#begun >= connectionsMax || this.#begun >= begunMax || this.opensTooMany
  }

  /** True if no more connections may be opened, for whomever they were: clients that have left may have been in a hurry. */
  get opensTooMany(): boolean {
    return this.#connecting >= connectionsMax
  }

  /** True if connections are being opened as fast as it is good. */
  get crowded(): boolean {
    return this.#connecting >= connectingMax || (this.#openFirst && this.#free.length === 0)
  }

  /** Takes a connection for one sending; `dispatch` is to follow at once. */
  prepare(outgoing: Outgoing, listener: SendingListener, nowMs: number): Sending {
    const sending = new Sending(this, outgoing.method, listener, nowMs)
    this.#underWay.add(sending)
    return sending
  }

  /** Sends it. What cannot be sent fails before this returns. */
  dispatch(sending: Sending, { method, path, headers, body }: Outgoing): void {
    const client = this.#free.pop() ?? this.#open()
    sending.client = client
    client.dispatch({ method, path: this.#prefix + path, headers, body }, sending)
  }

  freed(sending: Sending): void {
    this.#free.push(sending.client!)
    sending.client = undefined
  }

  begun(): void {
    const wasFull = this.full
    this.#begun += 1
    if (wasFull && !this.full) this.#settled()
  }

  finished(sending: Sending): void {
    this.#underWay.remove(sending)
    if (sending.hasBegun) this.#begun -= 1
    if (this.#hungUp && this.#underWay.size === 0) this.destroy()
  }

  stayOpen(count: number): void {
    this.#used = false
    const idle = this.#free.splice(0)
    while (idle.length + this.#idling < count) idle.push(this.#open())
    for (const client of idle) this.#signOfLife(client)
  }

  use(settled: () => void): void {
    this.#used = true
    this.#settled = settled
    if (this.#free.length === 0) return
    // What goes over open connections leaves in a later turn of the loop: making others is not to come before that.
    this.#openFirst = true
    setImmediate(() =>
      setImmediate(() => {
        this.#openFirst = false
        this.#settled()
      }),
    )
  }

  /** Asks for a sign of life on a connection of its own: the others may all be taken. */
  ask(path: string, unreachable: (error: Error) => void): void {
    if (this.#probe) return
    const probe = new Client(this.#origin, {
      allowH2: false,
      connect: this.#connect,
      headersTimeout: 0,
    })
    this.#probe = probe
    const done = () => {
      if (this.#probe === probe) this.#probe = undefined
      probe.destroy().catch(() => undefined)
    }
    probe.dispatch({ method: 'HEAD', path: this.#prefix + path }, this.#listenFor(done, unreachable))
  }

  /** Takes no more requests, and gives up those that wait, or that may move; the others may end within `graceMs`. */
  retire(graceMs: number, which: 'all' | 'movable'): void {
    const deposed = this.waiting().filter(({ movable }) => movable || which === 'all')
    for (const sending of deposed) sending.give('deposed')
    // Closing connections takes time that is needed now to reach the next active.
    this.#retiring = setTimeout(() => this.#hangUp(deposed, graceMs), hangUpDelayMs)
    this.#retiring.unref()
  }

  /**
   * Takes no more requests. After `noticeMs` those that another backend can be asked are given up; the others may end within `graceMs`.
   */
  leave({ noticeMs, graceMs }: { noticeMs: number; graceMs: number }): void {
    this.#retiring = setTimeout(() => {
      const moved = this.waiting().filter(({ movable }) => movable)
      for (const sending of moved) sending.give('deposed')
      this.#hangUp(moved, graceMs)
    }, noticeMs)
  }

  destroy(): void {
    clearTimeout(this.#retiring)
    this.#probe?.destroy().catch(() => undefined)
    // Nothing waits for its end; what was under way hears it through its own sending.
    for (const client of this.#clients) client.destroy().catch(() => undefined)
  }

  /** Also opens the connection, if it is not open. */
  #signOfLife(client: Client): void {
    this.#idling += 1
    const done = () => {
      this.#idling -= 1
      this.#free.push(client)
      if (this.#used) this.#settled()
    }
    // Not HEAD, after which undici closes the connection (nodejs/undici#258).
    client.dispatch({ method: 'GET', path: this.#prefix + sessionsPath }, this.#listenFor(done))
  }

  /** Hears a sign of life, and then that it is over. */
  #listenFor(done: () => void, unreachable: (error: Error) => void = () => undefined): Dispatcher.DispatchHandler {
    let left = false
    return {
      onRequestStart: () => {
        left = true
      },
      onResponseStart: () => {
        this.heard += 1
      },
      onResponseData: () => undefined,
      onResponseEnd: done,
      onResponseError: (_controller, error) => {
        done()
        if (!left) unreachable(error)
      },
    }
  }

  #open(): Client {
    const client = new Client(this.#origin, this.#options)
    this.#clients.add(client)
    return client
  }

  #hangUp(deposed: Sending[], graceMs: number): void {
    if (this.#underWay.size === 0) return this.destroy()
    this.#hungUp = true
    for (const sending of deposed) sending.hangUp()
    this.#retiring = setTimeout(() => this.destroy(), graceMs)
    this.#retiring.unref()
  }
}
