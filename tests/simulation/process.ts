/**
 * One process of the simulated world: an incarnation under a name, with its own clocks, timers and random source. It may be slow, stand
 * still, be suspended with its machine, or be killed: then nothing of it ever runs again.
 */
import type { Time } from '../../checkpoint/time.ts'
import type { Kernel } from './kernel.ts'
import { between, type Random, streamOf } from './random.ts'

/** How the clocks of a machine differ from true time. They are the machine's: all processes of one name share them. */
export interface MachineClock {
  /** Milliseconds of its own per true millisecond: within the drift that leases allow for. */
  rate: number
  /** What its wall clock shows at the beginning, Unix milliseconds; changed by jumps. */
  wallMs: number
  /** How long its monotonic clock stood still so far, true milliseconds. */
  stoodStillMs: number
}

type State = 'running' | 'stopped' | 'dead'

/** Timers fire on whole milliseconds of a clock that is read once a turn: by so much they may be early, or late. */
const timerEarlyMs = 0.9
const timerLateMs = 0.6

interface Waiting {
  readonly run: () => void
  readonly isTimer: boolean
}

export class SimProcess {
  readonly name: string
  readonly incarnation: string
  readonly kernel: Kernel
  readonly random: Random
  readonly time: Time
  /** How long each event keeps it busy, milliseconds; 0 is quick. */
  eventCostMs = 0
  /** What it threw, which ends it as it would end a real one. */
  onCrash: (error: unknown) => void = () => undefined
  readonly #clock: MachineClock
  readonly #startedMs: number
  readonly #dying: (() => void)[] = []
  #state: State = 'running'
  #timers = 0
  #busyUntilMs = 0
  #backlog: Waiting[] = []
  #draining = false

  constructor(kernel: Kernel, name: string, incarnation: string, clock: MachineClock, seed: number) {
    this.kernel = kernel
    this.name = name
    this.incarnation = incarnation
    this.#clock = clock
    this.#startedMs = kernel.nowMs - clock.stoodStillMs
    this.random = streamOf(seed, incarnation)
    this.time = this.#createTime()
  }

  get alive(): boolean {
    return this.#state !== 'dead'
  }

  get stopped(): boolean {
    return this.#state === 'stopped'
  }

  /** Timers that wait: they are bounded, or something leaks. */
  get timers(): number {
    return this.#timers
  }

  /** Something happens to it: at once, or when it has time. */
  take(run: () => void, isTimer = false): void {
    if (this.#state === 'dead') return
    const busy = this.#state === 'stopped' || this.#backlog.length > 0 || this.#busyUntilMs > this.kernel.nowMs
    if (!busy) return this.#run(run)
    this.#backlog.push({ run, isTimer })
    this.#drain()
  }

  /** SIGSTOP: sockets stay open, events wait. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped'
  }

  /** SIGCONT. A turn of the event loop begins with the timers that are due, before anything is read. */
  resume(): void {
    if (this.#state !== 'stopped') return
    this.#state = 'running'
    this.#backlog = [...this.#backlog.filter(({ isTimer }) => isTimer), ...this.#backlog.filter((one) => !one.isTimer)]
    this.#drain()
  }

  /** `kill -9`. */
  kill(): void {
    if (this.#state === 'dead') return
    this.#state = 'dead'
    this.#backlog = []
    for (const end of this.#dying.splice(0)) end()
  }

  /** Calls back when it dies: what the system does then, such as closing its sockets. */
  onDeath(callback: () => void): void {
    this.#dying.push(callback)
  }

  #run(run: () => void): void {
    this.#busyUntilMs = this.kernel.nowMs + this.eventCostMs
    try {
      run()
    } catch (error) {
      this.onCrash(error)
    }
  }

  #drain(): void {
    if (this.#draining || this.#state !== 'running' || this.#backlog.length === 0) return
    this.#draining = true
    this.kernel.at(this.#busyUntilMs, () => {
      this.#draining = false
      if (this.#state !== 'running') return
      const next = this.#backlog.shift()
      if (next) this.#run(next.run)
      this.#drain()
    })
  }

  #createTime(): Time {
    const clock = this.#clock
    const { kernel } = this
    const monotonicMs = () => (kernel.nowMs - clock.stoodStillMs - this.#startedMs) * clock.rate
    return {
      now: monotonicMs,
      wall: () => Math.floor(clock.wallMs + kernel.nowMs * clock.rate),
      after: (delayMs, callback) => this.#after(monotonicMs, delayMs, callback),
      every: (intervalMs, callback) => this.#every(monotonicMs, intervalMs, callback),
      soon: (callback) => this.kernel.at(kernel.nowMs, () => this.take(callback)),
    }
  }

  #after(monotonicMs: () => number, delayMs: number, callback: () => void): () => void {
    const wholeMs = delayMs >= 1 ? Math.min(Math.trunc(delayMs), 2 ** 31 - 1) : 1 // as setTimeout has it
    const dueMs = monotonicMs() + Math.max(0, wholeMs + between(this.random, -timerEarlyMs, timerLateMs))
    let waits = true
    this.#timers++
    const fire = () => {
      if (!waits) return
      // The clock stood still meanwhile: so do the timers.
      const leftMs = dueMs - monotonicMs()
      if (leftMs > 0.001) return void this.kernel.in(leftMs / this.#clock.rate, due)
      waits = false
      this.#timers--
      callback()
    }
    const due = () => this.take(fire, true)
    const event = this.kernel.in((dueMs - monotonicMs()) / this.#clock.rate, due)
    return () => {
      if (!waits) return
      waits = false
      this.#timers--
      event.run = null
    }
  }

  #every(monotonicMs: () => number, intervalMs: number, callback: () => void): () => void {
    let ended = false
    let cancel: () => void = () => undefined
    const arm = () => {
      cancel = this.#after(monotonicMs, intervalMs, () => {
        callback()
        if (!ended) arm()
      })
    }
    arm()
    return () => {
      ended = true
      cancel()
    }
  }
}
