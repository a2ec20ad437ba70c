/** Why a backend does not start or does not go on. The message is one line: what is wrong and what would be right. */
export const backendErrorCodes = [
  'PORT_IN_USE',
  'TOKEN_NEEDED',
  'LISTEN_FAILED',
  'REFUSED_BY_RECEIVER',
  'COMMAND_FAILED',
] as const
export type BackendErrorCode = (typeof backendErrorCodes)[number]

export class BackendError extends Error {
  readonly code: BackendErrorCode

  constructor(code: BackendErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'BackendError'
    this.code = code
  }
}
