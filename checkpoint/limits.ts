/** Every bound of a checkpoint, in one place, with its default and why that. */
import { CheckpointError } from './errors.ts'
import type { RememberedLimits } from './remembered.ts'
import type { ReplicaLimits } from './replica.ts'
import type { SubmissionLimits } from './submission.ts'

/** Every bound of a checkpoint. Each has a default in {@link defaultLimits}; docs/limits.md tells what happens at each. */
export interface CheckpointLimits extends RememberedLimits, ReplicaLimits, SubmissionLimits {
  /** Most named maps; beyond it STATE_FULL. */
  readonly mapsMax: number
  /** Most transactions and reads waiting for their place in the log; beyond it QUEUE_FULL. */
  readonly queueMax: number
  /** Most bytes of transactions waiting, and most of the answers that wait with them and with reads; beyond either QUEUE_FULL. */
  readonly queueBytesMax: number
  /** After so long without an answer from the journal a caller is told OUTCOME_UNKNOWN, milliseconds. */
  readonly answerDeadlineMs: number
  /** How long `start` waits for a journal that cannot be reached, milliseconds. */
  readonly startDeadlineMs: number
  /** No snapshot is taken before the journal has grown by so many bytes since the last, nor before it has grown by the size of the state. */
  readonly snapshotTailBytes: number
  /** Longest random delay before a snapshot that is due is begun, milliseconds: so two standbys seldom begin one both. */
  readonly snapshotDelayMs: number
}

/** The bounds of a checkpoint that is told no others. */
export const defaultLimits: CheckpointLimits = {
  sessionsMax: 10_000,
  sessionIdleMs: 600_000,
  sessionBytesMax: 64 * 1024 * 1024,
  sessionsBytesMax: 256 * 1024 * 1024,
  keysMax: 100_000,
  keyBytesMax: 256 * 1024 * 1024,
  keyAgeMs: 86_400_000,
  groupBytesMax: 900_000, // below Kafka's default max.message.bytes of 1,048,588, with room for the envelope
  transactionBytesMax: 900_000,
  responseBytesMax: 65_536,
  appendDeadlineMs: 1_000,
  appendDeadlineMaxMs: 8_000,
  settleDelayMs: 10,
  settleDelayMaxMs: 1_000,
  mapsMax: 1_000,
  queueMax: 20_000,
  queueBytesMax: 64 * 1024 * 1024,
  answerDeadlineMs: 10_000,
  startDeadlineMs: 60_000,
  snapshotTailBytes: 64 * 1024 * 1024,
  snapshotDelayMs: 5_000,
}

/** `[smaller, larger]`: the first must fit into the second, or the second would never be what it says. */
const nested: readonly (readonly [keyof CheckpointLimits, keyof CheckpointLimits])[] = [
  ['transactionBytesMax', 'groupBytesMax'],
  ['transactionBytesMax', 'queueBytesMax'],
  ['responseBytesMax', 'transactionBytesMax'],
  ['responseBytesMax', 'sessionBytesMax'],
  ['sessionBytesMax', 'sessionsBytesMax'],
  ['responseBytesMax', 'keyBytesMax'],
  ['appendDeadlineMs', 'appendDeadlineMaxMs'],
  ['settleDelayMs', 'settleDelayMaxMs'],
]

/** A delay, or what is waited for, may be nothing. */
const mayBeNothing: ReadonlySet<string> = new Set(['snapshotTailBytes', 'snapshotDelayMs'])

function least(name: keyof CheckpointLimits): number {
  return mayBeNothing.has(name) ? 0 : 1
}

/** What a record has beside its transactions: reign, incarnation, digest, time; and what fits into the journal's own envelope. Generous. */
const recordHeadBytes = 65_536

/** Why groups so large do not fit into a journal that takes records of so many bytes; undefined if they do. */
export function groupTooLarge(groupBytesMax: number, recordBytesMax: number): string | undefined {
  const most = recordBytesMax - recordHeadBytes
  if (groupBytesMax <= most) return undefined
  return `groupBytesMax is ${groupBytesMax} and must not be above ${most}: the journal takes records of ${recordBytesMax} bytes (max.message.bytes of the topic)`
}

/** One thing that is wrong with a choice of limits. */
export interface LimitProblem {
  readonly limit: string
  /** What is wrong and what would be right. */
  readonly problem: string
}

/** All that is wrong with a choice of limits. */
export function limitProblems(chosen: Partial<CheckpointLimits>): LimitProblem[] {
  const limits = withDefaults(chosen)
  const names = Object.keys(defaultLimits) as (keyof CheckpointLimits)[]
  const unknown = Object.keys(chosen).filter((name) => !Object.hasOwn(defaultLimits, name))
  const senseless = names.filter((name) => !(Number.isSafeInteger(limits[name]) && limits[name] >= least(name)))
  const tooLarge = nested.filter(([smaller, larger]) => limits[smaller] > limits[larger])
  return [
    ...unknown.map((limit) => ({ limit, problem: `there is no limit ${limit}` })),
    ...senseless.map((limit) => ({
      limit,
      problem: `${limit} is ${limits[limit]} and must be a whole number, at least ${least(limit)}`,
    })),
    ...tooLarge.map(([limit, larger]) => ({
      limit,
      problem: `${limit} is ${limits[limit]} and must not be above ${larger}, ${limits[larger]}`,
    })),
  ]
}

/**
 * The limits to use, from those that somebody chose.
 * @throws CheckpointError OPTIONS_WRONG, which names all that is wrong in one line.
 */
export function checkedLimits(chosen: Partial<CheckpointLimits> = {}): CheckpointLimits {
  const problems = limitProblems(chosen)
  if (problems.length > 0) throw new CheckpointError('OPTIONS_WRONG', problems.map(({ problem }) => problem).join('; '))
  return withDefaults(chosen)
}

function withDefaults(chosen: Partial<CheckpointLimits>): CheckpointLimits {
  const given = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined))
  return { ...defaultLimits, ...given }
}
