/** Why a receiver does not start or does not go on. One table of codes, one class; `message` is one line for a person. */
export const receiverErrors = {
  PORT_IN_USE: (where: string) => `${where} is in use: stop what listens there, or choose another port with --port`,
  CANNOT_LISTEN: (where: string) => `cannot listen on ${where}: choose another address with --host or --port`,
  UNSAFE_LISTEN: (where: string) => `refuses to listen on ${where} without a token: give --token or use 127.0.0.1`,
  BAD_URL: (url: string) => `"${url}" is no address of a receiver: expected one such as ws://127.0.0.1:7070`,
} as const
export type ReceiverErrorCode = keyof typeof receiverErrors

export class ReceiverError extends Error {
  readonly code: ReceiverErrorCode

  constructor(code: ReceiverErrorCode, subject: string, cause?: unknown) {
    super(receiverErrors[code](subject), cause === undefined ? undefined : { cause })
    this.name = 'ReceiverError'
    this.code = code
  }
}

/** The error for an address that could not be bound. */
export function listenError(cause: NodeJS.ErrnoException, where: string): ReceiverError {
  return new ReceiverError(cause.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'CANNOT_LISTEN', where, cause)
}
