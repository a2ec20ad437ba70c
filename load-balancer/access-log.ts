/** One line for each request, or for a share of them: what was asked, who answered, how long it took. */
import type { Logger } from 'pino'

/** What is told of one request. */
export interface Access {
  method: string
  /** As it was asked for. What follows `?` is left out of the line: secrets stand there. */
  url: string
  /** The client's. */
  address: string
  /** 499 if the client left before the answer, as nginx has it. */
  status: number
  /** `none` if no backend answered. */
  backend: string
  /** From the request to the end of its answer, milliseconds. */
  durationMs: number
  /** Bytes of the answer's body that were handed to the client's connection. */
  bytes: number
  /** How much of the duration it was held, milliseconds. */
  heldMs: number
  /** How often it was sent again. */
  replays: number
}

export class AccessLog {
  readonly #log: Logger
  readonly #share: number
  readonly #random: () => number

  /** @param share of the requests that get a line, from 0 to 1, drawn by `random` */
  constructor(log: Logger, share: number, random: () => number) {
    this.#log = log
    this.#share = share
    this.#random = random
  }

  /** True if this request gets its line. */
  takes(): boolean {
    return this.#share > 0 && (this.#share >= 1 || this.#random() < this.#share)
  }

  write({ method, url, address, status, backend, durationMs, bytes, heldMs, replays }: Access): void {
    const path = pathOf(url)
    const fields = { event: 'access', method, path, status, backend, durationMs: rounded(durationMs), bytes }
    this.#log.info({ ...fields, heldMs: rounded(heldMs), replays, address }, `${method} ${path} ${status}`)
  }
}

function pathOf(url: string): string {
  const end = url.search(/[?#]/)
  return end < 0 ? url : url.slice(0, end)
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
