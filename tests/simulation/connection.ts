/** Connections of the simulated world: an ordered stream in each direction, which ends in order, by a reset, or without a word. */
import type { Network } from './network.ts'
import type { SimProcess } from './process.ts'

/** What one side of a connection hears. */
export interface EndHandlers {
  onItem(item: unknown): void
  /** Once, at the end, in whatever way. */
  onClose(code: number, reason: string): void
}

/** When a cut is over, what waited is sent again: TCP tries with growing pauses. */
const afterCutMs = 30

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
