/**
 * The network of the simulated world: connections between processes, each an ordered stream in both directions, as TCP makes them. Between
 * connections nothing is in order. Directions can be cut, slow or lossy; a middlebox can reset a connection that both sides keep alive.
 */
import { Connection, type End, type EndHandlers } from './connection.ts'
import type { Kernel } from './kernel.ts'
import type { SimProcess } from './process.ts'
import { between, chance, type Random } from './random.ts'

/** Takes the connections that others open to an address. */
export type Accept = (end: End) => EndHandlers

/** How a connect ended that made no connection. */
export type ConnectFailure = 'refused' | 'timed-out'

interface Listener {
  readonly process: SimProcess
  readonly accept: Accept
}

/** How the network is at a time; faults change it. */
export interface Weather {
  /** One way, milliseconds. */
  latencyMs: readonly [low: number, high: number]
  /** Share of messages that take much longer: a queue, a retransmission. */
  slowShare: number
  slowMs: number
}

/** A SYN that was lost is sent again so much later, milliseconds. */
const synAgainMs = 1_000
/** A connection that ends with unread data is reset, and its peer's unread data is gone with it. */
const overtakenShare = 0.25

export class Network {
  readonly kernel: Kernel
  readonly weather: Weather
  readonly #random: Random
  readonly #listeners = new Map<string, Listener>()
  /** From one name to another, and until when nothing gets through. */
  readonly #cuts = new Map<string, number>()
  /** When the last of the cuts is over. */
  #lastCutMs = 0
  /** Machines that are off: no refusal, no reset, nothing. */
  readonly #off = new Set<string>()
  readonly #open = new Set<Connection>()
  readonly #watched = new WeakSet<SimProcess>()

  constructor(kernel: Kernel, random: Random, weather: Weather) {
    this.kernel = kernel
    this.#random = random
    this.weather = weather
  }

  /** Connections that are open at one side at least. */
  get connections(): Iterable<Connection> {
    return this.#open
  }

  openOf(process: SimProcess): number {
    let count = 0
    for (const { ends } of this.#open) for (const end of ends) if (end.process === process && end.isOpen) count++
    return count
  }

  listen(address: string, process: SimProcess, accept: Accept): void {
    this.#listeners.set(address, { process, accept })
  }

  /** Stops listening in good order; connections live on. */
  unlisten(address: string, process: SimProcess): void {
    if (this.#listeners.get(address)?.process === process) this.#listeners.delete(address)
  }

  /** Nothing gets from one to the other for a while. */
  cut(from: string, to: string, untilMs: number): void {
    const key = `${from}>${to}`
    this.#cuts.set(key, Math.max(this.#cuts.get(key) ?? 0, untilMs))
    this.#lastCutMs = Math.max(this.#lastCutMs, untilMs)
  }

  /** Until when nothing gets from one to the other; 0 if it does. */
  cutUntil(from: string, to: string): number {
    if (this.#off.size > 0 && (this.#off.has(from) || this.#off.has(to))) return Number.POSITIVE_INFINITY
    if (this.kernel.nowMs >= this.#lastCutMs) return 0
    return this.#cuts.get(`${from}>${to}`) ?? 0
  }

  /** All cuts end now. */
  heal(): void {
    this.#cuts.clear()
    this.#lastCutMs = 0
  }

  /** The machine of that name loses its power: whoever spoke to it hears nothing more. */
  powerOff(name: string): void {
    this.#off.add(name)
  }

  /** It is there again, and knows of no connection: who speaks on one is reset. */
  powerOn(name: string): void {
    if (!this.#off.delete(name)) return
    for (const connection of this.#open) connection.rebooted(name)
  }

  isOff(name: string): boolean {
    return this.#off.has(name)
  }

  /** True if a process that lives listens there. */
  isListening(address: string): boolean {
    return this.#listeners.get(address)?.process.alive === true
  }

  /** True if a reset gets ahead of what was sent before it: the other side never reads that. */
  overtakes(): boolean {
    return chance(this.#random, overtakenShare)
  }

  /** One way from one name to another: how long a message takes now, milliseconds. */
  delayMs(): number {
    const { latencyMs, slowShare, slowMs } = this.weather
    const delayMs = between(this.#random, ...latencyMs)
    return chance(this.#random, slowShare) ? delayMs + this.#random() * slowMs : delayMs
  }

  /** Opens a connection. Exactly one of the callbacks is called, later, if the process lives on. */
  connect(
    from: SimProcess,
    address: string,
    timeoutMs: number,
    connected: (end: End) => EndHandlers,
    failed: (failure: ConnectFailure) => void,
  ): () => void {
    const to = nameOf(address)
    let waits = true
    const settle = (act: () => void) => {
      from.take(() => {
        if (!waits) return
        waits = false
        cancelTimer()
        act()
      })
    }
    const cancelTimer = from.time.after(timeoutMs, () => {
      if (!waits) return
      waits = false
      failed('timed-out')
    })
    const answer = (act: () => void) => {
      if (this.kernel.nowMs < this.cutUntil(to, from.name)) return // the next SYN is answered again
      this.kernel.in(this.delayMs(), () => settle(act))
    }
    const knock = () => {
      if (!waits || !from.alive) return
      if (this.kernel.nowMs < this.cutUntil(from.name, to)) return void this.kernel.in(synAgainMs, knock)
      this.kernel.in(this.delayMs(), () => {
        if (!waits || !from.alive || this.#off.has(to)) return void this.kernel.in(synAgainMs, knock)
        const listener = this.#listeners.get(address)
        if (!listener?.process.alive) return answer(() => failed('refused'))
        if (this.kernel.nowMs < this.cutUntil(to, from.name)) return void this.kernel.in(synAgainMs, knock)
        // The system accepts, whether or not the process has time to take it.
        const connection = new Connection(this, from, listener.process)
        this.#open.add(connection)
        for (const { process } of connection.ends) this.#watch(process)
        const [near, far] = connection.ends
        listener.process.take(() => far.use(listener.accept(far)))
        this.kernel.in(this.delayMs(), () => {
          if (!waits || !from.alive) return connection.abandon(near)
          settle(() => near.use(connected(near)))
        })
      })
    }
    knock()
    return () => {
      waits = false
      cancelTimer()
    }
  }

  /** When a process dies, the system closes its connections. */
  #watch(process: SimProcess): void {
    if (this.#watched.has(process)) return
    this.#watched.add(process)
    process.onDeath(() => {
      for (const { ends } of [...this.#open]) for (const end of ends) if (end.process === process) end.orphaned()
    })
  }

  forget(connection: Connection): void {
    this.#open.delete(connection)
  }
}

/** `ws://NAME:PORT/path` and `http://NAME:PORT` go to the machine of that name. */
export function nameOf(address: string): string {
  return address.split(':', 1)[0]!
}

/** `NAME:PORT` of a URL. */
export function addressOf(url: string): string {
  const start = url.indexOf('//') + 2
  const end = url.indexOf('/', start)
  return end === -1 ? url.slice(start) : url.slice(start, end)
}
