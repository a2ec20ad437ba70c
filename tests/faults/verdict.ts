/** Judges one run of a row: was what the table promises kept? Pure. */
import type { FinalState, Operation } from '../../compose/load/operations.ts'
import { keyOf, verify } from '../../compose/load/verify.ts'
import { check } from '../linearizability/check.ts'
import type { Operation as Judged } from '../linearizability/operation.ts'
import type { Recorded, Trouble } from './client.ts'
import { finalRead, invocationOf } from './linearizable-call.ts'

/**
 * What clients may see beside good answers.
 * - `nothing`: no error at all.
 * - `moves`: a balancer that takes no more connections, as it is being restarted in good order; no request is lost with it.
 * - `drops`: lost connections to a balancer that dies; the same request, sent to another balancer, is answered.
 * - `refusals`: 503 with Retry-After; sent again under its key, one of unknown outcome is answered.
 * - `outage`: both, for everything is down; a request is answered, or refused, once it is up again.
 */
export type Allowance = 'nothing' | 'moves' | 'drops' | 'refusals' | 'outage'

const allowed: Record<Allowance, readonly Trouble['type'][]> = {
  nothing: [],
  moves: ['absent'],
  drops: ['absent', 'dropped'],
  refusals: ['refused', 'undecided'],
  outage: ['absent', 'dropped', 'refused', 'undecided'],
}

export interface Violation {
  readonly kind: 'error' | 'lost' | 'doubled' | 'not linearizable' | 'not as promised'
  /** What was violated, for a person. */
  readonly what: string
  /** How many operations it is about. */
  readonly count: number
  /** The operations concerned: its key in the history, or the moments of its troubles. */
  readonly key?: string
  readonly atMs?: number
}

export interface Evidence {
  readonly allowance: Allowance
  readonly history: readonly Recorded[]
  readonly final: FinalState
  /** When the final state was read. */
  readonly readBack: { readonly startMs: number; readonly endMs: number }
  /** What the row itself found: a step that did not come about, a process that ended by itself. */
  readonly complaints: readonly string[]
}

export interface Figures {
  readonly requests: number
  /** Longest time between two good answers, milliseconds. */
  readonly pauseMs: number
  readonly drops: number
  readonly refusals: number
}

export function judge(evidence: Evidence): Violation[] {
  return [
    ...evidence.complaints.map((what): Violation => ({ kind: 'not as promised', what, count: 1 })),
    ...errorsOf(evidence),
    ...findingsOf(evidence),
    ...orderOf(evidence),
  ]
}

export function figuresOf(history: readonly Recorded[]): Figures {
  const answers = history
    .filter(({ outcome }) => outcome.type === 'answered')
    .map(({ endMs }) => endMs)
    .toSorted((one, other) => one - other)
  let pauseMs = 0
  for (let index = 1; index < answers.length; index++)
    pauseMs = Math.max(pauseMs, answers[index]! - answers[index - 1]!)
  const count = (type: Trouble['type']) =>
    history.reduce((all, { troubles }) => all + troubles.filter((trouble) => trouble.type === type).length, 0)
  return {
    requests: history.length,
    pauseMs,
    drops: count('dropped') + count('absent'),
    refusals: count('refused') + count('undecided'),
  }
}

/** Of each kind of trouble that is not allowed, the first, and how often. */
function errorsOf({ allowance, history }: Evidence): Violation[] {
  const first = new Map<string, { trouble: Trouble; recorded: Recorded; count: number }>()
  for (const recorded of history)
    for (const trouble of recorded.troubles) {
      if (allowed[allowance].includes(trouble.type)) continue
      const word = wordOf(trouble)
      const known = first.get(word)
      if (known) known.count++
      else first.set(word, { trouble, recorded, count: 1 })
    }
  const violations = [...first].map(([word, { trouble, recorded, count }]): Violation => {
    const text = 'text' in trouble ? `: ${trouble.text}` : ''
    const key = keyOf(recorded.operation)
    return {
      kind: 'error',
      what: `${word} at ${trouble.balancer}, first for ${describe(recorded.operation)}${text}`,
      count,
      key,
      atMs: trouble.atMs,
    }
  })
  const unanswered = history.filter(
    ({ outcome, troubles }) =>
      outcome.type !== 'answered' && troubles.every(({ type }) => type !== 'refused' && type !== 'failed'),
  )
  const [one] = unanswered
  if (one && allowance !== 'nothing')
    violations.push({
      kind: 'error',
      what: `tried again and never answered, first for ${describe(one.operation)}`,
      count: unanswered.length,
      key: keyOf(one.operation),
      atMs: one.endMs,
    })
  return violations
}

function findingsOf({ history, final }: Evidence): Violation[] {
  return verify([...history], final).map(({ kind, key, detail, count }) => ({
    kind: kind === 'lost' || kind === 'doubled' ? kind : 'not linearizable',
    what: `${kind}, ${key}: ${detail}`,
    count,
    key,
  }))
}

/** The read-back belongs to the history: a value that is gone at the end was lost, whatever came between. */
function orderOf({ history, final, readBack }: Evidence): Violation[] {
  const operations = history.map(
    ({ client, operation, result, startMs, endMs }): Judged => ({
      ...invocationOf(operation),
      ...{ client: `client ${client}`, result, startMs },
      endMs: result === 'unknown' ? Number.POSITIVE_INFINITY : endMs,
    }),
  )
  const byKey = new Map(history.map(({ operation }) => [keyOf(operation), operation]))
  for (const operation of byKey.values())
    operations.push({ ...finalRead(operation, final), client: 'read-back', ...readBack })
  const violation = check(operations)
  if (violation === null) return []
  const { type, model, key, lines } = violation
  return [{ kind: 'not linearizable', what: [`${type}: ${model} ${key}`, ...lines].join('\n'), count: 1, key }]
}

function wordOf(trouble: Trouble): string {
  if (trouble.type === 'absent') return `no connection (${trouble.code})`
  if (trouble.type === 'dropped') return `a lost connection (${trouble.code})`
  if (trouble.type === 'silent') return 'no answer in time'
  return trouble.type === 'failed' ? `an answer ${trouble.status}` : `an answer 503 with Retry-After (${trouble.type})`
}

function describe(operation: Operation): string {
  return Object.values(operation).join(' ')
}
