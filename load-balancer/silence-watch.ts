/** Listens for signs of life of the backend that requests wait for. A shell around `silence.ts`. */
import { sessionsPath } from '../checkpoint/request-headers.ts'
import type { Time } from '../checkpoint/time.ts'
import type { BackendConnections } from './backend-connections.ts'
import { judgeSilence } from './silence.ts'

/** What an active is asked after: a request that waits so long has one look whether the backend can be reached at all, milliseconds. */
export const askMs = 1_000
/** Later than this, in intervals, and it was us who stood still. */
const stallIntervals = 3

type Heard = Pick<BackendConnections, 'heard' | 'waiting' | 'ask'>

export class SilenceWatch {
  readonly #patienceMs: number
  readonly #askMs: number
  readonly #unreachable: (error: Error) => void
  readonly #time: Time
  readonly #end: () => void
  #backend: Heard | undefined
  readonly #intervalMs: number
  #heard = 0
  #heardMs = 0
  #listenedMs: number

  /**
   * @param patienceMs how long a backend may be silent
   * @param unreachable told if a backend that was silent for `askMs` cannot be connected to; by default that is not looked for before half
   * of the patience is over
   */
  constructor(patienceMs: number, time: Time, unreachable?: (error: Error) => void) {
    this.#patienceMs = patienceMs
    this.#askMs = unreachable ? Math.min(askMs, patienceMs / 2) : patienceMs / 2
    this.#unreachable = unreachable ?? (() => undefined)
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
    const patience = { patienceMs: this.#patienceMs, askMs: this.#askMs }
    const judged = judgeSilence({ nowMs, oldestSentMs, heardMs: this.#heardMs, ...patience })
    // Any answer will do; a backend answers nothing but POST there.
    // What is heard of another than the one that is listened to says nothing.
    if (judged === 'ask') backend.ask(sessionsPath, (error) => this.#backend === backend && this.#unreachable(error))
    if (judged !== 'silent') return
    for (const sending of backend.waiting()) {
      if (nowMs - sending.sentAtMs >= this.#patienceMs) sending.give('silent')
    }
  }
}
