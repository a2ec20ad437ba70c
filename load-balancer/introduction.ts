/** The headers by which the balancer says to a backend of ours who asks, and under which epoch. */
import {
  formatReadsHeader,
  formatRequestHeader,
  readsHeader,
  requestHeader,
  tokenHeader,
} from '../checkpoint/request-headers.ts'
import type { Job } from './job.ts'
import type { Target } from './routing.ts'

export class Introduction {
  readonly #token: string | undefined
  /** What most requests say under the epoch that is followed. */
  #plain = { epoch: 0, note: plainNote(0, 0) }

  /** @param token what a backend asks for before it believes a balancer */
  constructor(token: string | undefined) {
    this.#token = token
  }

  /** Adds the headers of a request to `target`; it says its number if it has one. */
  add(job: Job, { epoch }: Target): void {
    const { headers } = job.outgoing
    headers.push(requestHeader, this.#note(job, epoch))
    if (job.stalenessLimitMs !== undefined) headers.push(readsHeader, formatReadsHeader(job.stalenessLimitMs))
    if (this.#token !== undefined) headers.push(tokenHeader, this.#token)
  }

  /** The headers of a request to `target` that needs no number. A backend that declares nothing is not ours: the token is no business of its. */
  plain({ exactlyOnce, epoch }: Target): [string, string][] {
    if (!exactlyOnce) return []
    const token: [string, string][] = this.#token === undefined ? [] : [[tokenHeader, this.#token]]
    return [[requestHeader, this.#plainNote(epoch)], ...token]
  }

  #note({ numbered, session, number, losses: replays }: Job, epoch: number): string {
    if (numbered && session) {
      const { id, lowestWaiting } = session
      return formatRequestHeader({ session: id, number, lowestWaiting, epoch, replays })
    }
    return replays === 0 ? this.#plainNote(epoch) : plainNote(epoch, replays)
  }

  #plainNote(epoch: number): string {
    if (epoch !== this.#plain.epoch) this.#plain = { epoch, note: plainNote(epoch, 0) }
    return this.#plain.note
  }
}

function plainNote(epoch: number, replays: number): string {
  return formatRequestHeader({ session: null, number: 0, lowestWaiting: 0, epoch, replays })
}
