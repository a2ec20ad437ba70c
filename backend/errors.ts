/** Why a backend does not start or does not go on. The message is one line: what is wrong and what would be right. */
export const backendErrorCodes = [
  'PORT_IN_USE',
  'TOKEN_NEEDED',
  'LISTEN_FAILED',
  'REFUSED_BY_RECEIVER',
  'COMMAND_FAILED',
  'OPTIONS_WRONG',
] as const
/** What went wrong, for programs. */
export type BackendErrorCode = (typeof backendErrorCodes)[number]

/** How a backend fails to start or to go on. `message` is one line for a person: what is wrong and what would be right. */
export class BackendError extends Error {
  /** What went wrong. */
  readonly code: BackendErrorCode

  constructor(code: BackendErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'BackendError'
    this.code = code
  }
}
