/** The held requests in their order, and the clock over them. A shell around `holding.ts`. */
import { type Admission, Holding, type HoldLimits } from './holding.ts'
import type { Job } from './job.ts'

export interface HoldQueueOptions {
  limits: HoldLimits
  /** Monotonic time, milliseconds. */
  now: () => number
  /** The hold of `job` lasted as long as it may. */
  expired: (job: Job) => void
}

export class HoldQueue {
  readonly #options: HoldQueueOptions
  readonly #holding: Holding<Job>
  /** What goes as soon as the target takes it, oldest first. */
  readonly #ready = new Set<Job>()
  /** What needs a session first. */
  readonly #forSession = new Set<Job>()
  #timer: NodeJS.Timeout | undefined
  /** When the timer is to fire. */
  #dueMs = 0

  constructor(options: HoldQueueOptions) {
    this.#options = options
    this.#holding = new Holding(options.limits)
  }

  get count(): number {
    return this.#holding.count
  }

  get ready(): number {
    return this.#ready.size
  }

  get forSession(): number {
    return this.#forSession.size
  }

  hold(job: Job, what: 'target' | 'session'): Admission {
    const admission = this.#holding.hold(job, job.bytes, job.heldForMs, this.#options.now())
    if (admission !== 'held') return admission
    const queue = what === 'target' ? this.#ready : this.#forSession
    queue.add(job)
    this.#watch()
    return admission
  }

  release(job: Job): void {
    this.#ready.delete(job)
    this.#forSession.delete(job)
    job.heldForMs += this.#holding.release(job, this.#options.now())
  }

  /** Takes out the oldest that only waits for the target. */
  takeReady(): Job | undefined {
    const job: Job | undefined = this.#ready.values().next().value
    if (job) this.release(job)
    return job
  }

  /** What waited for a session waits for the target instead. */
  sessionSettled(): void {
    for (const job of this.#forSession) this.#ready.add(job)
    this.#forSession.clear()
  }

  /** Takes everything out. */
  takeAll(): Job[] {
    const jobs = [...this.#ready, ...this.#forSession]
    for (const job of jobs) this.release(job)
    return jobs
  }

  /** Takes everything out and stops the clock. */
  close(): Job[] {
    clearTimeout(this.#timer)
    return this.takeAll()
  }

  #watch(): void {
    const dueMs = this.#holding.nextDeadlineMs
    // One that was held before ends sooner than those that came meanwhile.
    if (this.#holding.count === 0 || (this.#timer && this.#dueMs <= dueMs)) return
    clearTimeout(this.#timer)
    this.#dueMs = dueMs
    this.#timer = setTimeout(() => this.#expire(), Math.ceil(Math.max(dueMs - this.#options.now(), 0)))
  }

  #expire(): void {
    this.#timer = undefined
    for (const job of this.#holding.expire(this.#options.now())) {
      this.release(job)
      this.#options.expired(job)
    }
    this.#watch()
  }
}
