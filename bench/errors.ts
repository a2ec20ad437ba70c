/** Every way in which a benchmark fails; `message` is one line for a person. */
export const benchErrorCodes = [
  /** A peer is not installed: its line says so, and the benchmark goes on without it. */
  'PEER_MISSING',
  /** A peer does not start, or ended by itself. */
  'PEER_FAILED',
  /** A contender answers wrongly, or did not keep what it answered. */
  'CONTENDER_WRONG',
  /** An error or an answer that is not 2xx under load. */
  'LOAD_FAILED',
] as const
export type BenchErrorCode = (typeof benchErrorCodes)[number]

export class BenchError extends Error {
  readonly code: BenchErrorCode

  constructor(code: BenchErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'BenchError'
    this.code = code
  }
}

/** Throws CONTENDER_WRONG unless `condition` holds. */
export function mustHold(condition: boolean, what: string): asserts condition {
  if (!condition) throw new BenchError('CONTENDER_WRONG', what)
}
