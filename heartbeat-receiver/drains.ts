/**
 * Backends that are to be chosen for nothing, from the request to its answer. Pure; part of the receiver's core.
 *
 * It goes: the backend is told `drain` → it says so with its heartbeats, to all receivers → it is elected for nothing and no member any more; if
 * it is the active, it hands over as planned, again and again until another leads → the answer. Nothing is remembered here beyond that. One that
 * is undrained while it waits for another to lead ends the drain; before it said that it drains, that is refused.
 */
import type { Effect } from './events.ts'
import { isDraining, type KnownBackend, takesDrain } from './known-backend.ts'
import { memberOf } from './member-list.ts'
import { chooseSuccessor, type Failure, type HandoverContext, notLeading } from './planned-handover.ts'
import type { Drained } from './protocol.ts'

/** A drain that takes longer is answered with that, and goes on, milliseconds: longer than a handover may take. */
export const drainMaxMs = 6_000
/** Most that are under way at once. */
const drainsMax = 64

interface Drain {
  readonly asker: number
  readonly name: string
  readonly incarnation: string
  readonly draining: boolean
  readonly askedAtMs: number
  /** How many heartbeats had come then: only a later one says that it did. */
  readonly heartbeats: number
}

export class Drains {
  readonly #emit: (effect: Effect) => void
  #underWay: Drain[] = []

  constructor(emit: (effect: Effect) => void) {
    this.#emit = emit
  }

  get underWay(): boolean {
    return this.#underWay.length > 0
  }

  /** Somebody asks for it: begins, or says why not. */
  ask(asker: number, name: string, draining: boolean, context: HandoverContext): void {
    const backend = context.backends.find(({ hello }) => hello.name === name)
    const refusal = this.#whyNot(backend, { name, draining }, context)
    if (refusal || !backend) return this.#answer({ asker, name, draining }, refusal)
    const { hello, connection, heartbeats } = backend
    this.#endOpposite(backend, draining)
    const askedAtMs = context.rules.nowMs
    this.#underWay.push({ asker, name, incarnation: hello.incarnation, draining, askedAtMs, heartbeats })
    // Also where its last heartbeat says so already: that may be older than what it was told last.
    this.#emit({ type: 'send', connection: connection!, message: { type: 'drain', draining } })
  }

  /** Answers those that are done, or will not be. */
  review(context: HandoverContext): void {
    this.#underWay = this.#underWay.filter((drain) => {
      const outcome = outcomeOf(drain, context)
      if (outcome !== 'under way') this.#answer(drain, outcome === 'done' ? null : outcome)
      return outcome === 'under way'
    })
  }

  #whyNot(
    backend: KnownBackend | undefined,
    asked: { name: string; draining: boolean },
    context: HandoverContext,
  ): Failure | null {
    if (this.#underWay.length >= drainsMax) return tooMany
    const opposite = backend && this.#underWay.some((drain) => isOpposite(drain, backend, asked.draining))
    // A heartbeat that says what is asked for now could be from before either.
    if (opposite && isDraining(backend) === asked.draining) {
      const reason = `${asked.name} is just being ${asked.draining ? 'undrained' : 'drained'}; ask again after that`
      return { failure: 'not-ready', reason }
    }
    const leaving = new Set(this.#underWay.flatMap((drain) => (drain.draining ? [drain.incarnation] : [])))
    const backends = context.backends.filter((one) => one === backend || !leaving.has(one.hello.incarnation))
    return whyNot(backend, asked, { ...context, backends })
  }

  /** Ends those that the backend has taken, and that wait for another to lead. */
  #endOpposite(backend: KnownBackend, draining: boolean): void {
    const reason = `${backend.hello.name} was ${draining ? 'drained' : 'undrained'} meanwhile`
    this.#underWay = this.#underWay.filter((drain) => {
      const ends = isOpposite(drain, backend, draining)
      if (ends) this.#answer(drain, { failure: 'not-ready', reason })
      return !ends
    })
  }

  #answer({ asker, name, draining }: Pick<Drain, 'asker' | 'name' | 'draining'>, refusal: Failure | null): void {
    const result: Drained = { name, draining, ...refusal }
    this.#emit({ type: 'drained', asker, result })
  }
}

function isOpposite(drain: Drain, { hello }: KnownBackend, draining: boolean): boolean {
  return drain.incarnation === hello.incarnation && drain.draining !== draining
}

const tooMany: Failure = { failure: 'not-ready', reason: 'too many drains are under way; ask again after them' }

/** Why it is not even begun; null if it is. */
function whyNot(
  backend: KnownBackend | undefined,
  { name, draining }: { name: string; draining: boolean },
  { leads, active, backends, rules }: HandoverContext,
): Failure | null {
  if (!leads) return notLeading
  if (!backend) return { failure: 'unknown-name', reason: `no backend is called ${name}` }
  if (backend.liveness.state !== 'alive' || backend.connection === null)
    return { failure: 'not-ready', reason: `${name} is not there` }
  if (!takesDrain(backend))
    return {
      failure: 'not-ready',
      reason: `${name} does not know how to drain: it is of an older version, or an agent`,
    }
  if (!draining || isDraining(backend)) return null
  if (backend === active) {
    const successor = chooseSuccessor({ type: 'hand-over', shard: 0 }, active, backends, rules)
    return 'failure' in successor ? successor : null
  }
  // Whoever could lead without it: else nobody could once it is drained.
  if (backends.some((other) => other !== backend && memberOf(other) !== null)) return null
  return { failure: 'no-successor', reason: `nobody else could lead; start another backend before ${name} is drained` }
}

function outcomeOf(
  { name, incarnation, draining, askedAtMs, heartbeats }: Drain,
  { leads, inForce, backends, rules }: HandoverContext,
): Failure | 'done' | 'under way' {
  const backend = backends.find(({ hello }) => hello.incarnation === incarnation)
  if (!backend || backend.liveness.state === 'gone')
    return { failure: 'not-ready', reason: `${name} is gone; started anew it is not draining` }
  const leadsStill = draining && inForce?.decision.incarnation === incarnation
  const handedOver = !leadsStill && (!draining || inForce === null || inForce.readySinceMs !== null)
  const said = backend.heartbeats > heartbeats && isDraining(backend) === draining
  if (said && handedOver) return 'done'
  if (!leads) return notLeading
  if (rules.nowMs - askedAtMs < drainMaxMs) return 'under way'
  return { failure: 'timed-out', reason: whyLate(name, said, leadsStill) }
}

function whyLate(name: string, said: boolean, leadsStill: boolean): string {
  if (!said) return `${name} does not say that it did`
  return `${name} is draining, and ${leadsStill ? 'nobody has taken over yet' : 'nobody leads yet'}`
}
