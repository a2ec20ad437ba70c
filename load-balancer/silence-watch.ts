/** Listens for signs of life of the backend that requests wait for. A shell around `silence.ts`. */
import { sessionsPath } from '../checkpoint/request-headers.ts'
import type { Time } from '../checkpoint/time.ts'
import type { BackendConnections } from './backend-connections.ts'
import { judgeSilence } from './silence.ts'

/** Later than this, in intervals, and it was us who stood still. */
const stallIntervals = 3

type Heard = Pick<BackendConnections, 'heard' | 'waiting' | 'ask'>

export class SilenceWatch {
  readonly #patienceMs: number
  readonly #time: Time
  readonly #end: () => void
  #backend: Heard | undefined
  readonly #intervalMs: number
  #heard = 0
  #heardMs = 0
  #listenedMs: number

  constructor(patienceMs: number, time: Time) {
    this.#patienceMs = patienceMs
    this.#time = time
    this.#intervalMs = Math.min(Math.max(patienceMs / 16, 5), 500)
    this.#listenedMs = time.now()
    this.#end = time.every(this.#intervalMs, () => this.#listen())
  }

  watch(backend: Heard): void {
    this.#backend = backend
    this.#heard = 0
    this.#heardMs = this.#time.now()
  }

  close(): void {
    this.#end()
  }

  #listen(): void {
    const backend = this.#backend
    if (!backend) return
    const nowMs = this.#time.now()
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
