/** Why a balancer does not start. One table of codes, one class; `message` is one line for a person. */

export const balancerErrors = {
  PORT_IN_USE: (where: string, option: string) =>
    `${where} is in use: stop the other process or choose another port with ${option}`,
  CANNOT_LISTEN: (where: string, option: string) =>
    `cannot listen on ${where}: choose another with --host or ${option}`,
  UNSAFE_LISTEN: (where: string) => `refuses to listen on ${where} without a token: give --token or use 127.0.0.1`,
  WORKERS_FAILED: (reason: string) => `no worker can be kept running; the last one ${reason}`,
  WORKERS_UNSUPPORTED: () =>
    'this system does not let several processes listen on one port: leave --workers at 1, and start several balancers',
} as const
export type BalancerErrorCode = keyof typeof balancerErrors

export class BalancerError extends Error {
  readonly code: BalancerErrorCode

  constructor(code: BalancerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'BalancerError'
    this.code = code
  }
}

/** The error for a port that could not be bound. */
export function listenError(cause: NodeJS.ErrnoException, where: string, option: string): BalancerError {
  if (cause.code === 'ENOTSUP')
    return new BalancerError('WORKERS_UNSUPPORTED', balancerErrors.WORKERS_UNSUPPORTED(), cause)
  const code = cause.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'CANNOT_LISTEN'
  return new BalancerError(code, balancerErrors[code](where, option), cause)
}
