/** Listens for signs of life of the backend that requests wait for. A shell around `silence.ts`. */
import { sessionsPath } from '../checkpoint/request-headers.ts'
import type { BackendPool } from './forward.ts'
import { judgeSilence } from './silence.ts'

export class SilenceWatch {
  readonly #patienceMs: number
  readonly #now: () => number
  readonly #timer: NodeJS.Timeout
  #backend: BackendPool | undefined
  #heard = 0
  #heardMs = 0

  constructor(patienceMs: number, now: () => number) {
    this.#patienceMs = patienceMs
    this.#now = now
    this.#timer = setInterval(() => this.#listen(), Math.min(Math.max(patienceMs / 16, 5), 500))
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
