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
  /** How much more popular some values are: the n-th is drawn in proportion to `1 / n ** keySkew` (Zipf). 0: all alike. */
  keySkew: number
}

export class PlainTraffic implements Traffic {
  readonly #request: OperationRequest
  readonly #keyHeader: string | undefined
  readonly #drawKey: () => number

  constructor({ path, method, body, keyHeader, keyCount, keySkew }: PlainRequest, seed: number) {
    const contentType = body === undefined || isJson(body) ? undefined : 'text/plain; charset=utf-8'
    this.#request = { method, path, body: body ?? null, ...(contentType === undefined ? {} : { contentType }) }
    this.#keyHeader = keyHeader
    const random = seededRandom(seed)
    this.#drawKey = keySkew === 0 ? () => randomBelow(random, keyCount) : zipf(keyCount, keySkew, random)
  }

  next(): Sending {
    const headers = this.#keyHeader === undefined ? [] : [this.#keyHeader, `key-${this.#drawKey()}`]
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

/** Draws 0 to below `count`, the small ones more often. */
function zipf(count: number, skew: number, random: Random): () => number {
  const upTo = new Float64Array(count)
  let sum = 0
  for (let index = 0; index < count; index++) {
    sum += 1 / (index + 1) ** skew
    upTo[index] = sum
  }
  return () => {
    const drawn = random() * sum
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (upTo[middle]! > drawn) high = middle
      else low = middle + 1
    }
    return low
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
