/** Every way in which starting and running the processes fails; `message` is one line for a person. */
export const composeErrorCodes = [
  'JAVA_MISSING',
  'JAVA_TOO_OLD',
  'MAVEN_MISSING',
  'MAVEN_FAILED',
  'DOCKER_UNUSABLE',
  'PORT_IN_USE',
  'DATA_DIR_UNUSABLE',
  'KAFKA_FAILED',
  'PROCESS_ENDED',
  'PROCESS_NOT_READY',
  'NAME_RUNNING',
  'NOT_IN_TIME',
  'NO_RECEIVER',
  'BOARD_REFUSED',
  'HANDOVER_FAILED',
  'NOT_HEALTHY',
  'TOKEN_FILE',
  'STOPPED',
] as const
export type ComposeErrorCode = (typeof composeErrorCodes)[number]

/** The one error class of this folder: what is wrong and what would be right, in one line. */
export class ComposeError extends Error {
  readonly code: ComposeErrorCode

  constructor(code: ComposeErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ComposeError'
    this.code = code
  }
}
