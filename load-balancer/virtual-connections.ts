/** For tests: connections to a backend with no sockets. What it answers is up to the test, which drives the production `Sending`. */
import { sessionsPath } from '../checkpoint/request-headers.ts'
import type { Time } from '../checkpoint/time.ts'
import type { BackendConnections } from './backend-connections.ts'
import type { Target } from './routing.ts'
import { type Outgoing, Sending, type SendingController, type SendingListener, type SendingOwner } from './sending.ts'

/** What becomes of a request: an answer, a connection that breaks before or after it was sent, or nothing. */
export type Fate =
  | { status: number; headers?: Record<string, string>; body?: string; afterMs?: number }
  | { error: NodeJS.ErrnoException; sent: boolean }
  | 'none'

export const refused: Fate = { error: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), sent: false }
export const cut: Fate = { error: Object.assign(new Error('reset'), { code: 'ECONNRESET' }), sent: true }

const latencyMs = 1

export class VirtualConnections implements BackendConnections, SendingOwner {
  readonly time: Time
  readonly target: Target
  readonly arrivals: Outgoing[] = []
  /** What was to be told for each sign of life that was asked for, if no connection could be made. */
  readonly asked: ((error: Error) => void)[] = []
  fate: (outgoing: Outgoing) => Fate = () => ({ status: 200, body: 'fine' })
  /** What becomes of a request for a session. */
  session: () => Fate = () => this.given()
  heard = 0
  reachable: true | { error: Error } = true
  full = false
  crowded = false
  retired = false
  readonly #underWay = new Set<Sending>()
  readonly #settled: () => void
  #sessions = 0

  constructor(target: Target, settled: () => void, time: Time) {
    this.target = target
    this.time = time
    this.#settled = settled
  }

  /** The answer that gives a session, after so long. */
  given(afterMs = 0): Fate {
    this.#sessions += 1
    return { status: 201, body: JSON.stringify({ session: `${this.target.name}-${this.#sessions}` }), afterMs }
  }

  /** Requests that arrived and are not the balancer's own. */
  get requests(): Outgoing[] {
    return this.arrivals.filter(({ path }) => path !== sessionsPath)
  }

  waiting(): Sending[] {
    return [...this.#underWay].filter(({ state }) => state !== 'begun')
  }

  prepare(outgoing: Outgoing, listener: SendingListener, nowMs: number): Sending {
    const sending = new Sending(this, outgoing.method, listener, nowMs)
    this.#underWay.add(sending)
    return sending
  }

  dispatch(sending: Sending, outgoing: Outgoing): void {
    this.time.after(latencyMs, () => this.#arrive(sending, outgoing))
  }

  ask(_path: string, unreachable: (error: Error) => void): void {
    this.asked.push(unreachable)
    if (this.reachable !== true) unreachable(this.reachable.error)
  }

  retire(_graceMs: number, which: 'all' | 'movable'): void {
    this.retired = true
    for (const sending of this.waiting()) if (which === 'all' || sending.movable) sending.give('deposed')
  }

  destroy(): void {}

  begun(): void {}

  finished(sending: Sending): void {
    this.#underWay.delete(sending)
  }

  freed(): void {
    this.#settled()
  }

  #arrive(sending: Sending, outgoing: Outgoing): void {
    let aborted = false
    const controller: SendingController = {
      abort: (reason) => {
        if (aborted) return
        aborted = true
        sending.onResponseError(null, reason)
      },
      pause: () => undefined,
      resume: () => undefined,
    }
    const fate = outgoing.path === sessionsPath ? this.session() : this.fate(outgoing)
    if (fate !== 'none' && 'error' in fate && !fate.sent) return sending.onResponseError(null, fate.error)
    sending.onRequestStart(controller)
    if (aborted) return
    this.arrivals.push({ ...outgoing, headers: [...outgoing.headers] })
    if (fate === 'none') return
    if ('error' in fate) return sending.onResponseError(null, fate.error)
    this.time.after(latencyMs + (fate.afterMs ?? 0), () => {
      if (aborted) return
      const body = Buffer.from(fate.body ?? '')
      sending.onResponseStart(controller, fate.status, { 'content-length': `${body.length}`, ...fate.headers })
      if (body.length > 0) sending.onResponseData(controller, body)
      if (!aborted) sending.onResponseEnd(controller, {})
    })
  }
}
