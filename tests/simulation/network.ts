/**
 * The network of the simulated world: connections between processes, each an ordered stream in both directions, as TCP makes them. Between
 * connections nothing is in order. Directions can be cut, slow or lossy; a middlebox can reset a connection that both sides keep alive.
 */
import type { Kernel } from './kernel.ts'
import type { SimProcess } from './process.ts'
import { between, chance, type Random } from './random.ts'

/** What one side of a connection hears. */
export interface EndHandlers {
  onItem(item: unknown): void
  /** Once, at the end, in whatever way. */
  onClose(code: number, reason: string): void
}

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
/** When a cut is over, what waited is sent again: TCP tries with growing pauses. */
const afterCutMs = 30

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

type Parcel = { readonly item: unknown } | { readonly code: number; readonly reason: string }

/** A connection of two ends. */
export class Connection {
  readonly network: Network
  readonly ends: readonly [End, End]

  constructor(network: Network, near: SimProcess, far: SimProcess) {
    this.network = network
    this.ends = [new End(this, 0, near), new End(this, 1, far)]
  }

  other(end: End): End {
    return this.ends[1 - end.side]!
  }

  isBetween(left: string, right: string): boolean {
    const [a, b] = this.ends
    return (
      (a.process.name === left && b.process.name === right) || (a.process.name === right && b.process.name === left)
    )
  }

  /** A middlebox forgets it: each side hears of it after so long, or only when it next has something to say (null). */
  reset(afterMs: readonly [number | null, number | null]): void {
    for (const end of this.ends) end.severed(afterMs[end.side]!)
  }

  /** One side gave up before it was connected. */
  abandon(end: End): void {
    end.orphaned()
  }

  /** The machine of that name was off, and is there again. */
  rebooted(name: string): void {
    for (const end of this.ends) if (end.process.name === name) this.other(end).severed(null)
  }

  ended(): void {
    if (this.ends.every(({ isOpen }) => !isOpen)) this.network.forget(this)
  }
}

/** One side of a connection. */
export class End {
  readonly side: 0 | 1
  readonly process: SimProcess
  readonly #connection: Connection
  #handlers: EndHandlers | null = null
  /** What came before the process took the connection. */
  #early: Parcel[] = []
  #state: 'open' | 'closing' | 'closed' = 'open'
  /** Parcels on their way to the other side, in order. */
  readonly #underWay: { atMs: number; parcel: Parcel }[] = []
  #pumping = false
  /** A middlebox has forgotten the connection: what is sent gets lost, and is answered with a reset. */
  #severed = false

  constructor(connection: Connection, side: 0 | 1, process: SimProcess) {
    this.#connection = connection
    this.side = side
    this.process = process
  }

  get isOpen(): boolean {
    return this.#state !== 'closed'
  }

  get peer(): SimProcess {
    return this.#connection.other(this).process
  }

  /** Parcels that the other side has not got yet. */
  get waiting(): number {
    return this.#underWay.length
  }

  use(handlers: EndHandlers): void {
    this.#handlers = handlers
    for (const parcel of this.#early.splice(0)) this.#hear(parcel)
  }

  /** Lost if the connection is not open. */
  send(item: unknown): void {
    if (this.#state === 'open') this.#post({ item })
  }

  /** In good order: the other side hears all that was sent, and the reason. */
  close(code: number, reason: string): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#post({ code, reason })
  }

  /** At once: a reset. Its own side hears of it too. */
  terminate(): void {
    if (this.#state === 'closed') return
    this.#gone()
    this.#connection.network.kernel.in(0, () => this.process.take(() => this.#handlers?.onClose(1006, 'terminated')))
  }

  /** Its process is no more: the system closes the connection. */
  orphaned(): void {
    if (this.#state === 'closed') return
    this.#gone()
  }

  severed(afterMs: number | null): void {
    this.#severed = true
    if (afterMs !== null) this.#connection.network.kernel.in(afterMs, () => this.#lost('connection reset'))
  }

  #gone(): void {
    this.#state = 'closed'
    this.#connection.ended()
    const { kernel } = this.#connection.network
    // What was sent before a kill mostly still leaves, and then the end; a reset may overtake it.
    if (this.#connection.network.overtakes()) this.#underWay.length = 0
    kernel.in(0, () => this.#post({ code: 1006, reason: 'connection lost' }))
  }

  #lost(reason: string): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#connection.ended()
    this.process.take(() => this.#handlers?.onClose(1006, reason))
  }

  #post(parcel: Parcel): void {
    const { network } = this.#connection
    if (this.#severed) {
      if ('item' in parcel) network.kernel.in(network.delayMs() * 2, () => this.#lost('connection reset'))
      return
    }
    const atMs = Math.max(network.kernel.nowMs + network.delayMs(), this.#underWay.at(-1)?.atMs ?? 0)
    this.#underWay.push({ atMs, parcel })
    this.#pump()
  }

  #pump(): void {
    const next = this.#underWay[0]
    if (this.#pumping || !next) return
    const { network } = this.#connection
    this.#pumping = true
    network.kernel.at(next.atMs, () => {
      this.#pumping = false
      if (this.#underWay[0] !== next) return this.#pump() // overtaken by a reset
      const other = this.#connection.other(this)
      const until = network.cutUntil(this.process.name, other.process.name)
      if (until === Number.POSITIVE_INFINITY) {
        this.#underWay.length = 0 // a machine is off: what is on its way is lost
        return
      }
      if (network.kernel.nowMs < until) {
        next.atMs = until + network.delayMs() + afterCutMs * network.delayMs()
        return this.#pump()
      }
      this.#underWay.shift()
      if (this.#severed) {
        this.#underWay.length = 0
        if ('item' in next.parcel) network.kernel.in(network.delayMs(), () => this.#lost('connection reset'))
        return
      }
      if (other.isOpen) other.#arrive(next.parcel)
      this.#pump()
    })
  }

  #arrive(parcel: Parcel): void {
    this.process.take(() => {
      if (this.#handlers) this.#hear(parcel)
      else this.#early.push(parcel)
    })
  }

  #hear(parcel: Parcel): void {
    if (this.#state === 'closed') return
    if ('item' in parcel) return this.#handlers!.onItem(parcel.item)
    const answers = this.#state === 'open' && parcel.code !== 1006
    if (answers) this.#post(parcel) // the other side's close is over when it is answered
    this.#state = 'closed'
    this.#connection.ended()
    this.#handlers!.onClose(parcel.code, parcel.reason)
  }
}
