/**
 * The granter of leases in a {@link World}: who is named, and who may read from memory until when. It does what the receiver promises and no more:
 * heartbeats, grants and namings travel as long as the story has them, and some never arrive.
 */
import type { LeaseGrant } from './lease.ts'
import type { Moment } from './staleness.ts'

/** What a granter knows of a writer. */
export interface Grantee {
  readonly incarnation: string
  readonly replica: { readonly lease: { grant(grant: LeaseGrant): void }; lead(epoch: number, nowMs: number): boolean }
}

export interface GranterOptions {
  /** True as a receiver does it: another is named only when every lease has run out. False to see that a world notices. */
  readonly waits: boolean
}

type Step = [label: string, act: () => void]

/** Short enough for a story to outlast many, long enough to be read under. Milliseconds, one for each step. */
const forMs = 60
/** Messages under way that a story may choose from. */
const underWayMax = 3

export class Granter {
  readonly #waits: boolean
  #decided: { readonly epoch: number; readonly incarnation: string }
  readonly #until = new Map<string, number>()
  #heartbeats: { readonly writer: Grantee; readonly sentAt: Moment }[] = []
  #grants: { readonly writer: Grantee; readonly grant: LeaseGrant }[] = []
  #namings: { readonly writer: Grantee; readonly epoch: number }[] = []

  constructor({ waits }: GranterOptions, first: Grantee) {
    this.#waits = waits
    this.#decided = { epoch: 1, incarnation: first.incarnation }
  }

  /** Its process is gone, and that is proven: its lease with it. */
  died({ incarnation }: Grantee): void {
    this.#until.delete(incarnation)
  }

  /** What may happen next. `clock` is a writer's own. */
  steps(writers: readonly Grantee[], nowMs: number, clock: (writer: Grantee) => Moment): Step[] {
    const alive = ({ writer }: { writer: Grantee }) => writers.includes(writer)
    this.#heartbeats = this.#heartbeats.filter(alive).slice(-underWayMax)
    this.#grants = this.#grants.filter(alive).slice(-underWayMax)
    this.#namings = this.#namings.filter(alive).slice(-underWayMax)
    return [
      ...writers.flatMap((writer) => this.#writerSteps(writer, nowMs, clock)),
      ...this.#heartbeats.map(({ writer }, index): Step => {
        return [`the granter hears ${writer.incarnation}`, () => this.#hear(index, nowMs)]
      }),
      ...this.#grants.map(({ writer, grant }, index): Step => {
        const take = () => writer.replica.lease.grant(this.#grants.splice(index, 1)[0]!.grant)
        return [`${writer.incarnation} takes a lease for ${grant.epoch}`, take]
      }),
      ...this.#namings.map(({ writer, epoch }, index): Step => {
        const lead = () => void writer.replica.lead(this.#namings.splice(index, 1)[0]!.epoch, nowMs)
        return [`${writer.incarnation} is told to lead ${epoch}`, lead]
      }),
    ]
  }

  #writerSteps(writer: Grantee, nowMs: number, clock: (writer: Grantee) => Moment): Step[] {
    const { incarnation, replica } = writer
    const steps: Step[] = []
    const beat = () => void this.#heartbeats.push({ writer, sentAt: clock(writer) })
    if (this.#decided.incarnation === incarnation) {
      steps.push([`${incarnation} beats`, beat])
      const renew = () => {
        beat()
        this.#hear(this.#heartbeats.length - 1, nowMs)
        replica.lease.grant(this.#grants.pop()!.grant)
      }
      steps.push([`${incarnation} beats and takes a lease for ${this.#decided.epoch}`, renew])
    }
    if (!this.#mayName(writer, nowMs)) return steps
    const epoch = this.#decided.epoch + 1
    const name = () => {
      this.#decided = { epoch, incarnation }
    }
    const say = () => {
      name()
      this.#namings.push({ writer, epoch })
    }
    const sayAtOnce = () => {
      name()
      replica.lead(epoch, nowMs)
    }
    return [
      ...steps,
      [`name ${incarnation} for ${epoch}, told later`, say],
      [`name ${incarnation} for ${epoch}`, sayAtOnce],
    ]
  }

  #mayName({ incarnation }: Grantee, nowMs: number): boolean {
    if (!this.#waits) return true
    return [...this.#until].every(([holder, until]) => holder === incarnation || until <= nowMs)
  }

  #hear(index: number, nowMs: number): void {
    const { writer, sentAt } = this.#heartbeats.splice(index, 1)[0]!
    const { epoch, incarnation } = this.#decided
    if (writer.incarnation !== incarnation) return
    this.#until.set(incarnation, nowMs + forMs)
    this.#grants.push({ writer, grant: { epoch, forMs, sentAt } })
  }
}
