/** Listens for signs of life of the backend that requests wait for. A shell around `silence.ts`. */
import { sessionsPath } from '../checkpoint/request-headers.ts'
import type { BackendPool } from './forward.ts'
import { judgeSilence } from './silence.ts'

/** Later than this, in intervals, and it was us who stood still. */
const stallIntervals = 3

export class SilenceWatch {
  readonly #patienceMs: number
  readonly #now: () => number
  readonly #timer: NodeJS.Timeout
  #backend: BackendPool | undefined
  readonly #intervalMs: number
  #heard = 0
  #heardMs = 0
  #listenedMs: number

  constructor(patienceMs: number, now: () => number) {
    this.#patienceMs = patienceMs
    this.#now = now
    this.#intervalMs = Math.min(Math.max(patienceMs / 16, 5), 500)
    this.#listenedMs = now()
    this.#timer = setInterval(() => this.#listen(), this.#intervalMs)
    this.#timer.unref()
  }

  watch(backend: BackendPool): void {
    this.#backend = backend
    this.#heard = 0
    this.#heardMs = this.#now()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #listen(): void {
    const backend = this.#backend
    if (!backend) return
    const nowMs = this.#now()
    // Who did not listen cannot tell that nothing was said: after a stall of ours everybody has time again.
    if (nowMs - this.#listenedMs > this.#intervalMs * stallIntervals) this.#heardMs = nowMs
    this.#listenedMs = nowMs
    if (backend.heard !== this.#heard) {
      this.#heard = backend.heard
      this.#heardMs = nowMs
    }
    const oldestSentMs = backend.waiting()[0]?.sentAtMs
    const judged = judgeSilence({ nowMs, oldestSentMs, heardMs: this.#heardMs, patienceMs: this.#patienceMs })
    // Any answer will do; a backend answers nothing but POST there.
    if (judged === 'ask') backend.ask(sessionsPath)
    if (judged !== 'silent') return
    for (const sending of backend.waiting()) {
      if (nowMs - sending.sentAtMs >= this.#patienceMs) sending.give('silent')
    }
  }
}
