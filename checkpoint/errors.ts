/**
 * Every way in which the checkpoint library fails, in one table: the code, the HTTP status a route answers with,
 * what is known of the transaction's outcome, and whether sending it again can help.
 */
export const checkpointErrors = {
  NOT_ACTIVE: { status: 421, outcome: 'not applied', retriable: true },
  SESSION_ENDED: { status: 410, outcome: 'unknown', retriable: false },
  SESSIONS_FULL: { status: 503, outcome: 'not applied', retriable: true },
  SESSION_FULL: { status: 503, outcome: 'not applied', retriable: true },
  KEY_MISMATCH: { status: 422, outcome: 'not applied', retriable: false },
  KEYS_FULL: { status: 503, outcome: 'not applied', retriable: true },
  QUEUE_FULL: { status: 503, outcome: 'not applied', retriable: true },
  TOO_LARGE: { status: 413, outcome: 'not applied', retriable: false },
  STATE_FULL: { status: 507, outcome: 'not applied', retriable: false },
  BODY_TOO_LARGE: { status: 413, outcome: 'not applied', retriable: false },
  BODY_NOT_JSON: { status: 415, outcome: 'not applied', retriable: false },
  BODY_MALFORMED: { status: 400, outcome: 'not applied', retriable: false },
  NOT_SERIALISABLE: { status: 500, outcome: 'not applied', retriable: false },
  CHANGED_BY_READ: { status: 500, outcome: 'not applied', retriable: false },
  OUTSIDE_TRANSACTION: { status: 500, outcome: 'not applied', retriable: false },
  OUTCOME_UNKNOWN: { status: 503, outcome: 'unknown', retriable: true },
  READ_UNPROVEN: { status: 503, outcome: 'not applied', retriable: true },
  STOPPED: { status: 503, outcome: 'unknown', retriable: true },
  OPTIONS_WRONG: { status: 500, outcome: 'not applied', retriable: false },
  JOURNAL_UNREACHABLE: { status: 503, outcome: 'unknown', retriable: true },
  JOURNAL_FULL: { status: 503, outcome: 'unknown', retriable: true },
  JOURNAL_UNUSABLE: { status: 500, outcome: 'not applied', retriable: false },
  JOURNAL_UNSAFE: { status: 500, outcome: 'not applied', retriable: false },
  JOURNAL_UNREADABLE: { status: 500, outcome: 'unknown', retriable: false },
  HISTORY_DIVERGED: { status: 500, outcome: 'unknown', retriable: false },
  HISTORY_LOST: { status: 500, outcome: 'unknown', retriable: false },
} as const

/** What went wrong, for programs; `docs/api.md` says of each what to do. */
export type CheckpointErrorCode = keyof typeof checkpointErrors

/** The one error class of the library. `message` is one line for a person: what is wrong and what would be right. */
export class CheckpointError extends Error {
  /** What went wrong. */
  readonly code: CheckpointErrorCode
  /** The HTTP status that a route answers with. */
  readonly status: number
  /** Whether the transaction can be in the state, now or later. */
  readonly outcome: 'not applied' | 'unknown'
  /** True if the same again may succeed. Where the outcome is unknown, only under the same `Idempotency-Key`. */
  readonly retriable: boolean

  constructor(code: CheckpointErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'CheckpointError'
    this.code = code
    const row = checkpointErrors[code]
    this.status = row.status
    this.outcome = row.outcome
    this.retriable = row.retriable
  }
}

/** What keeps a process from going on at this offset, whatever was thrown there. */
export function inapplicable(error: unknown, offset: number): CheckpointError {
  if (error instanceof CheckpointError) return error
  return new CheckpointError(
    'JOURNAL_UNREADABLE',
    `the journal could not be applied at offset ${offset}: ${String(error)}`,
    error,
  )
}
