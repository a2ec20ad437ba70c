/** The held requests in their order, and the clock over them. A shell around `holding.ts`. */
import type { Time } from '../checkpoint/time.ts'
import { type Admission, Holding, type HoldLimits } from './holding.ts'
import type { Job } from './job.ts'

export interface HoldQueueOptions {
  limits: HoldLimits
  time: Time
  /** The hold of `job` lasted as long as it may. */
  expired: (job: Job) => void
}

/** What the client of a request is told that is not held. */
export const refusedHolds = {
  'too many': 'too many held',
  'too large': 'too much held',
  'too long': 'held too long',
} as const

export class HoldQueue {
  readonly #options: HoldQueueOptions
  readonly #holding: Holding<Job>
  /** What goes as soon as the target takes it, oldest first. */
  readonly #ready = new Set<Job>()
  /** What needs a session first. */
  readonly #forSession = new Set<Job>()
  /** Stops the clock, if it is set. */
  #cancel: (() => void) | undefined
  /** When it is to ring. */
  #dueMs = 0

  constructor(options: HoldQueueOptions) {
    this.#options = options
    this.#holding = new Holding(options.limits)
  }

  get count(): number {
    return this.#holding.count
  }

  /** The most that were held at a time since this was asked last. */
  takePeak(): number {
    return this.#holding.takePeak()
  }

  get ready(): number {
    return this.#ready.size
  }

  get forSession(): number {
    return this.#forSession.size
  }

  hold(job: Job, what: 'target' | 'session'): Admission {
    const admission = this.#holding.hold(job, job.bytes, job.heldForMs, this.#options.time.now())
    if (admission !== 'held') return admission
    const queue = what === 'target' ? this.#ready : this.#forSession
    queue.add(job)
    this.#watch()
    return admission
  }

  release(job: Job): void {
    this.#ready.delete(job)
    this.#forSession.delete(job)
    job.heldForMs += this.#holding.release(job, this.#options.time.now())
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
    this.#cancel?.()
    return this.takeAll()
  }

  #watch(): void {
    const dueMs = this.#holding.nextDeadlineMs
    // One that was held before ends sooner than those that came meanwhile.
    if (this.#holding.count === 0 || (this.#cancel && this.#dueMs <= dueMs)) return
    this.#cancel?.()
    this.#dueMs = dueMs
    const { time } = this.#options
    this.#cancel = time.after(Math.ceil(Math.max(dueMs - time.now(), 0)), () => this.#expire())
  }

  #expire(): void {
    this.#cancel = undefined
    const due = this.#holding.takeDue(this.#options.time.now())
    for (const job of due) this.release(job)
    for (const job of due) this.#options.expired(job)
    this.#watch()
  }
}
