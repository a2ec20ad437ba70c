/** One request over and over, to any server: no state is assumed, 2xx is good. */
import type { Reply } from './connection.ts'
import type { HttpMethod, OperationRequest } from './http-operations.ts'
import { type Random, randomBelow, seededRandom } from './random.ts'
import type { Sending, Traffic, Verdict } from './traffic.ts'

/** A request without the ticket office's semantics. */
export interface PlainRequest {
  /** Begins with `/`; with the query, if any. */
  path: string
  method: HttpMethod
  /** Undefined sends none. */
  body?: string | undefined
  /** A header that gets one of `keyCount` values per request, drawn from the seed: what a balancer may hash. */
  keyHeader?: string | undefined
  keyCount: number
}

export class PlainTraffic implements Traffic {
  readonly #request: OperationRequest
  readonly #keyHeader: string | undefined
  readonly #keyCount: number
  readonly #random: Random

  constructor({ path, method, body, keyHeader, keyCount }: PlainRequest, seed: number) {
    const contentType = body === undefined || isJson(body) ? undefined : 'text/plain; charset=utf-8'
    this.#request = { method, path, body: body ?? null, ...(contentType === undefined ? {} : { contentType }) }
    this.#keyHeader = keyHeader
    this.#keyCount = keyCount
    this.#random = seededRandom(seed)
  }

  next(): Sending {
    const headers =
      this.#keyHeader === undefined ? [] : [this.#keyHeader, `key-${randomBelow(this.#random, this.#keyCount)}`]
    return { request: this.#request, headers, settle: errorOf }
  }

  /** Nothing was promised but answers. */
  async verify(): Promise<Verdict> {
    return { findings: [], readBackFailures: 0 }
  }

  async close(): Promise<void> {}
}

function errorOf(reply: Reply): string | undefined {
  if (reply.type === 'failure') return reply.code
  return reply.status >= 200 && reply.status < 300 ? undefined : String(reply.status)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
