/** Every bound of a checkpoint, in one place, with its default and why that. */
import type { RememberedLimits } from './remembered.ts'
import type { ReplicaLimits } from './replica.ts'
import type { SubmissionLimits } from './submission.ts'

export interface CheckpointLimits extends RememberedLimits, ReplicaLimits, SubmissionLimits {
  /** Most transactions and reads waiting for their place in the log; beyond it QUEUE_FULL. */
  readonly queueMax: number
  /** Most bytes of transactions waiting; beyond it QUEUE_FULL. */
  readonly queueBytesMax: number
  /** After so long without an answer from the journal a caller is told OUTCOME_UNKNOWN, milliseconds. */
  readonly answerDeadlineMs: number
  /** How long `start` waits for a journal that cannot be reached, milliseconds. */
  readonly startDeadlineMs: number
}

export const defaultLimits: CheckpointLimits = {
  sessionsMax: 10_000,
  sessionIdleMs: 600_000,
  sessionBytesMax: 64 * 1024 * 1024,
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
  queueMax: 20_000,
  queueBytesMax: 64 * 1024 * 1024,
  answerDeadlineMs: 10_000,
  startDeadlineMs: 60_000,
}
