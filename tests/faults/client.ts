/** One client: one request at a time, by one keep-alive connection to one of the balancers; if that balancer is gone, by the next. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'undici'
import { unixNowMs } from '../../compose/load/clock.ts'
import { isRefused } from '../../compose/load/connection.ts'
import { outcomeOf, requestOf } from '../../compose/load/http-operations.ts'
import { type HistoryEntry, isWrite, type Operation, type Outcome } from '../../compose/load/operations.ts'
import type { Operation as Judged } from '../linearizability/operation.ts'
import { toldBy } from './linearizable-call.ts'

/** Longest time of one operation, all its tries together: more than a balancer holds. */
export const operationTimeoutMs = 15_000
const connectTimeoutMs = 2_000
const retryDelayMs = 25
/** How much of an unwelcome answer is kept for the story. */
const textMax = 300

/** A request that got no answer, or one that says to come again. */
export type Trouble =
  /** No connection came about, so nothing was sent. */
  | { readonly type: 'absent'; readonly atMs: number; readonly balancer: string; readonly code: string }
  /** The connection was lost under a request. */
  | { readonly type: 'dropped'; readonly atMs: number; readonly balancer: string; readonly code: string }
  /** 503 with Retry-After, and the word that nothing was applied. */
  | { readonly type: 'refused'; readonly atMs: number; readonly balancer: string; readonly text: string }
  /** Any other answer that is none. */
  | {
      readonly type: 'failed'
      readonly atMs: number
      readonly balancer: string
      readonly status: number
      readonly text: string
    }

export interface Recorded extends HistoryEntry {
  readonly client: number
  /** For the linearizability checker. */
  readonly result: Judged['result']
  readonly troubles: readonly Trouble[]
}

interface Answer {
  readonly type: 'answer'
  readonly status: number
  readonly text: string
  readonly headers: Record<string, string | string[] | undefined>
}
type Reply = Answer | { readonly type: 'lost'; readonly code: string }
const nothing: Answer = { type: 'answer', status: 0, text: '', headers: {} }

export class TestClient {
  readonly #number: number
  readonly #balancers: readonly string[]
  #at: number
  #connection: Client | undefined

  constructor(number: number, balancers: readonly string[]) {
    this.#number = number
    this.#balancers = balancers
    this.#at = number % balancers.length
  }

  /** Never rejects; resolves with what became of it within {@link operationTimeoutMs}. */
  async perform(operation: Operation, intendedMs: number): Promise<Recorded> {
    const startMs = unixNowMs()
    const deadlineMs = startMs + operationTimeoutMs
    const key = isWrite(operation) ? { 'idempotency-key': randomUUID() } : {}
    const troubles: Trouble[] = []
    let maybeApplied = false
    for (;;) {
      const balancer = this.#balancers[this.#at]!
      const reply = await this.#send(operation, key, deadlineMs - unixNowMs())
      const atMs = unixNowMs()
      const done = (outcome: Outcome, { status, headers, text }: Answer): Recorded => ({
        ...{ client: this.#number, operation, intendedMs, startMs, endMs: atMs, outcome, status, troubles },
        result: toldBy(operation, outcome, status, text),
        backend: String(headers['x-heartline-backend'] ?? ''),
        epoch: Number(headers['x-heartline-epoch'] ?? 0),
        replays: Number(headers['x-heartline-replays'] ?? 0),
      })
      if (reply.type === 'lost') {
        const absent = isRefused(reply.code)
        troubles.push({ type: absent ? 'absent' : 'dropped', atMs, balancer, code: reply.code })
        maybeApplied ||= !absent
        this.#at = (this.#at + 1) % this.#balancers.length
        if (atMs + retryDelayMs < deadlineMs) {
          await sleep(retryDelayMs)
          continue
        }
        const type = maybeApplied ? 'unknown' : 'not-applied'
        return done({ type, code: reply.code }, nothing)
      }
      const outcome = outcomeOf(operation, reply.status, reply.text)
      if (outcome.type !== 'answered') troubles.push(troubleOf(reply, atMs, balancer))
      // What an earlier try did is not taken back by a later answer.
      return done(outcome.type === 'not-applied' && maybeApplied ? { ...outcome, type: 'unknown' } : outcome, reply)
    }
  }

  async close(): Promise<void> {
    await this.#connection?.destroy()
  }

  async #send(operation: Operation, key: Record<string, string>, timeoutMs: number): Promise<Reply> {
    const { method, path, body } = requestOf(operation)
    const headers = { ...key, ...(body === null ? {} : { 'content-type': 'application/json' }) }
    this.#connection ??= new Client(this.#balancers[this.#at]!, {
      connect: { timeout: connectTimeoutMs },
      headersTimeout: operationTimeoutMs,
      bodyTimeout: operationTimeoutMs,
      allowH2: false,
    })
    try {
      const answer = await this.#connection.request({
        ...{ method, path, body, headers },
        signal: AbortSignal.timeout(Math.max(1, Math.round(timeoutMs))),
      })
      return { type: 'answer', status: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
    } catch (cause) {
      const connection = this.#connection
      this.#connection = undefined
      await connection.destroy()
      const { code, name } = cause as Error & { code?: string }
      return { type: 'lost', code: typeof code === 'string' ? code : name }
    }
  }
}

function troubleOf(reply: Answer, atMs: number, balancer: string): Trouble {
  const text = reply.text.slice(0, textMax)
  return isRefusal(reply)
    ? { type: 'refused', atMs, balancer, text }
    : { type: 'failed', atMs, balancer, status: reply.status, text }
}

/** As the promise is worded: 503, when to come again, and the word that nothing was applied. */
function isRefusal({ status, headers, text }: Answer): boolean {
  return status === 503 && headers['retry-after'] !== undefined && /"outcome":\s*"not applied"/.test(text)
}
