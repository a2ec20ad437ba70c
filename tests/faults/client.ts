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

/** No try begins later than this after the first. */
const operationTimeoutMs = 45_000
/** Longest time of one try: more than a balancer holds, or a backend waits. */
const answerTimeoutMs = 15_000
const connectTimeoutMs = 2_000
/** After which troubles the same request is sent again, and how soon. What is refused was not applied, and is left. */
const againAfterMs: Partial<Record<Trouble['type'], number>> = { absent: 25, dropped: 25, undecided: 500 }
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
  /** 503 with Retry-After, and the word that nobody knows whether it was applied: to be sent again under its key. */
  | { readonly type: 'undecided'; readonly atMs: number; readonly balancer: string; readonly text: string }
  /** No answer at all within 15 seconds. */
  | { readonly type: 'silent'; readonly atMs: number; readonly balancer: string; readonly code: string }
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

export interface TestClientOptions {
  /** Told at once, for an operation may go on for long. */
  readonly onTrouble?: (trouble: Trouble) => void
  /** No try begins later than this after the first. Default 45 s. */
  readonly timeoutMs?: number
}

export class TestClient {
  readonly #number: number
  readonly #balancers: readonly string[]
  #at: number
  #connection: Client | undefined

  readonly #onTrouble: (trouble: Trouble) => void
  readonly #timeoutMs: number

  constructor(
    number: number,
    balancers: readonly string[],
    { onTrouble = () => {}, timeoutMs = operationTimeoutMs }: TestClientOptions = {},
  ) {
    this.#number = number
    this.#onTrouble = onTrouble
    this.#timeoutMs = timeoutMs
    this.#balancers = balancers
    this.#at = number % balancers.length
  }

  /** Never rejects; resolves with what became of it within its time. */
  async perform(operation: Operation, intendedMs: number): Promise<Recorded> {
    const startMs = unixNowMs()
    const deadlineMs = startMs + this.#timeoutMs
    const key = isWrite(operation) ? { 'idempotency-key': randomUUID() } : {}
    const troubles: Trouble[] = []
    let maybeApplied = false
    for (;;) {
      const balancer = this.#balancers[this.#at]!
      const reply = await this.#send(operation, key, answerTimeoutMs)
      const atMs = unixNowMs()
      const answer = reply.type === 'answer' ? reply : nothing
      const code = reply.type === 'answer' ? undefined : reply.code
      const outcome: Outcome =
        code === undefined ? outcomeOf(operation, answer.status, answer.text) : lost(code, maybeApplied)
      const trouble = outcome.type === 'answered' ? undefined : troubleOf(reply, atMs, balancer)
      if (trouble) {
        troubles.push(trouble)
        this.#onTrouble(trouble)
        maybeApplied ||= outcome.type === 'unknown'
        if (code !== undefined) this.#at = (this.#at + 1) % this.#balancers.length
        const againMs = againAfterMs[trouble.type]
        if (againMs !== undefined && atMs + againMs < deadlineMs) {
          await sleep(againMs)
          continue
        }
      }
      // What an earlier try did is not taken back by a later word.
      const told: Outcome =
        outcome.type === 'not-applied' && maybeApplied ? { type: 'unknown', code: outcome.code } : outcome
      return {
        ...{ client: this.#number, operation, intendedMs, startMs, endMs: atMs, outcome: told, troubles },
        result: toldBy(operation, told, answer.status, answer.text),
        status: answer.status,
        backend: String(answer.headers['x-heartline-backend'] ?? ''),
        epoch: Number(answer.headers['x-heartline-epoch'] ?? 0),
        replays: Number(answer.headers['x-heartline-replays'] ?? 0),
      }
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
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
      allowH2: false,
    })
    try {
      const answer = await this.#connection.request({
        ...{ method, path, body, headers },
        signal: AbortSignal.timeout(timeoutMs),
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

/** What became of a request whose connection was lost. */
function lost(code: string, maybeApplied: boolean): Outcome {
  return { type: isRefused(code) && !maybeApplied ? 'not-applied' : 'unknown', code }
}

function troubleOf(reply: Reply, atMs: number, balancer: string): Trouble {
  if (reply.type === 'lost') {
    const { code } = reply
    if (code === 'TimeoutError') return { type: 'silent', atMs, balancer, code }
    return { type: isRefused(code) ? 'absent' : 'dropped', atMs, balancer, code }
  }
  const { status, headers } = reply
  const text = reply.text.slice(0, textMax)
  const comeAgain = status === 503 && headers['retry-after'] !== undefined
  if (comeAgain && /"outcome":\s*"not applied"/.test(text)) return { type: 'refused', atMs, balancer, text }
  if (comeAgain && /"outcome":\s*"unknown"/.test(text)) return { type: 'undecided', atMs, balancer, text }
  return { type: 'failed', atMs, balancer, status, text }
}
