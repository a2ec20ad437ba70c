/**
 * The quicker of two, by the moving average of their latencies that peaks push up at once (Finagle's `PeakEwma`, "Aperture and
 * peak EWMA load balancers"). Two are drawn by chance and compared (Mitzenmacher, "The Power of Two Choices in Randomized Load
 * Balancing", 2001) and not all of them: several balancers that see alike would all run to the one best member, and
 * the cost of a choice would grow with the members. A slow member loses against every other, so two suffice to avoid it. Pure.
 */
import { Shortlist } from './shortlist.ts'
import type { Choice, LiveMember, Strategy } from './strategy.ts'

/** Finagle's default. A peak has lost two thirds of its weight after so long, milliseconds. */
const decayTimeMs = 10_000
/** More than any latency: what a member costs that was asked and never answered yet, milliseconds. */
const unknownCostMs = 1e12

/** The latency of one member. */
export class PeakEwma {
  readonly #decayTimeMs: number
  #averageMs = 0
  #atMs = 0
  #known = false

  constructor(decayMs = decayTimeMs) {
    this.#decayTimeMs = decayMs
  }

  /** An answer took so long. Failures are not to be told: they are quick, and would attract requests. */
  record(latencyMs: number, nowMs: number): void {
    // A peak counts in full; better times are believed as the old ones fade.
    this.#averageMs =
      latencyMs >= this.#averageMs ? latencyMs : latencyMs + (this.#averageMs - latencyMs) * this.#shareLeft(nowMs)
    this.#atMs = nowMs
    this.#known = true
  }

  /**
   * What one more request would cost, with so many in flight. A member that never answered gets one request and no second one
   * before it has: that keeps the herd from a newcomer. What is not heard of fades, so that a slow one is tried again.
   */
  costMs(inFlight: number, nowMs: number): number {
    if (!this.#known) return inFlight === 0 ? 0 : unknownCostMs * (inFlight + 1)
    return this.#averageMs * this.#shareLeft(nowMs) * (inFlight + 1)
  }

  /** What has not faded of the average, from 1 down to 0. */
  #shareLeft(nowMs: number): number {
    return Math.exp((this.#atMs - nowMs) / this.#decayTimeMs)
  }
}

/** So often chance is tried before all members are looked at: when most may not, drawing takes long. */
const drawsMax = 4

export class PeakEwmaStrategy implements Strategy {
  readonly #list = new Shortlist()

  choose<M extends LiveMember>(choice: Choice<M>): M | undefined {
    const { members, nowMs } = choice
    const one = this.#draw(choice, -1)
    if (one < 0) return undefined
    const first = members[one]!
    const other = this.#draw(choice, one)
    if (other < 0) return first
    const second = members[other]!
    return costMs(second, nowMs) < costMs(first, nowMs) ? second : first
  }

  /** The index of one that may, other than `except`, each as likely as another; -1 if there is none. */
  #draw<M extends LiveMember>({ members, may, random }: Choice<M>, except: number): number {
    const { length } = members
    for (let draw = 0; draw < drawsMax; draw++) {
      const index = Math.floor(random() * length)
      if (index !== except && index < length && may(members[index]!)) return index
    }
    const list = this.#list
    list.reset(length)
    for (let index = 0; index < length; index++) if (index !== except && may(members[index]!)) list.add(index)
    return list.count === 0 ? -1 : list.indexes[Math.floor(random() * list.count)]!
  }
}

function costMs(member: LiveMember, nowMs: number): number {
  return member.latency.costMs(member.inFlight, nowMs) / member.weight
}
