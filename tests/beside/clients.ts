/** Clients of a service behind somebody else's proxy: reads, writes with a key of their own and writes without one, each at a steady pace. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

/** What clients saw since a moment. */
export interface Seen {
  readonly requests: number
  /** By what it was: the method, whether it had a key, and the status or the failure. */
  readonly errors: Readonly<Record<string, number>>
  /** The longest time between two successive good answers over all clients, milliseconds. */
  readonly pauseMs: number
  readonly lastGoodAgoMs: number
}

interface Writes {
  acknowledged: number
  /** Failed in a way that does not say whether they were applied. */
  unknown: number
}

interface Outcome {
  readonly atMs: number
  readonly kind: string
  readonly good: boolean
}

const pauseBetweenMs = 10
const answerTimeoutMs = 5_000
const clientsOfEachKind = 3

export class BesideClients {
  readonly #url: string
  readonly #name: string
  readonly #outcomes: Outcome[] = []
  readonly #running: Promise<void>[] = []
  #ended = false
  readonly writes: Record<'keyed' | 'plain', Writes> = {
    keyed: { acknowledged: 0, unknown: 0 },
    plain: { acknowledged: 0, unknown: 0 },
  }

  /** What `name` counts is nobody else's. */
  constructor(url: string, name: string) {
    this.#url = url
    this.#name = name
    for (let client = 0; client < clientsOfEachKind; client++)
      this.#running.push(this.#repeat('GET'), this.#repeat('keyed'), this.#repeat('plain'))
  }

  /** The counter that these writes go to. */
  counter(kind: string): string {
    return `${this.#name}-${kind}`
  }

  /** What was seen since a moment of `performance.now()`. */
  since(fromMs: number): Seen {
    const outcomes = this.#outcomes.filter(({ atMs }) => atMs >= fromMs)
    const errors: Record<string, number> = {}
    for (const { good, kind } of outcomes) if (!good) errors[kind] = (errors[kind] ?? 0) + 1
    const goodAtMs = [fromMs, ...outcomes.filter(({ good }) => good).map(({ atMs }) => atMs)]
    const pauseMs = goodAtMs.reduce(
      (longest, atMs, index) => Math.max(longest, atMs - (goodAtMs[index - 1] ?? atMs)),
      0,
    )
    return { requests: outcomes.length, errors, pauseMs, lastGoodAgoMs: performance.now() - goodAtMs.at(-1)! }
  }

  async stop(): Promise<void> {
    this.#ended = true
    await Promise.all(this.#running)
  }

  async #repeat(kind: 'GET' | 'keyed' | 'plain'): Promise<void> {
    while (!this.#ended) {
      await this.#once(kind)
      await sleep(pauseBetweenMs)
    }
  }

  async #once(kind: 'GET' | 'keyed' | 'plain'): Promise<void> {
    const what = { GET: 'GET', keyed: 'POST with a key', plain: 'POST' }[kind]
    const path = kind === 'GET' ? `/counters/${this.counter('plain')}` : `/counters/${this.counter(kind)}/increments`
    let status: number | string
    let body: { outcome?: string } = {}
    try {
      const response = await fetch(`${this.#url}${path}`, {
        ...(kind === 'GET' ? {} : { method: 'POST', body: '{}' }),
        headers: {
          ...(kind === 'GET' ? {} : { 'content-type': 'application/json' }),
          ...(kind === 'keyed' ? { 'idempotency-key': randomUUID() } : {}),
        },
        signal: AbortSignal.timeout(answerTimeoutMs),
      })
      status = response.status
      body = (await response.json().catch(() => ({}))) as { outcome?: string }
    } catch (error) {
      status = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code ?? (error as Error).name
    }
    const good = status === 200
    this.#outcomes.push({ atMs: performance.now(), kind: `${what} ${status}`, good })
    if (kind === 'GET') return
    if (good) this.writes[kind].acknowledged++
    else if (body.outcome !== 'not applied') this.writes[kind].unknown++
  }
}
