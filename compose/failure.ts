/** What a person at the terminal reads when a command fails. Pure. */

/** One line for a failure that is foreseen, that is, which has a code; the whole stack for one that is not. */
export function describeFailure(error: unknown, options: { verbose: boolean }): string {
  if (!(error instanceof Error)) return String(error)
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  // Node marks programming errors by ERR_ codes: those are not foreseen.
  const foreseen = typeof code === 'string' && !code.startsWith('ERR_')
  if (!foreseen) return error.stack ?? error.message
  if (options.verbose) return withCauses(error)
  if (code === 'EADDRINUSE' && port !== undefined)
    return `port ${port} of ${address ?? 'this machine'} is in use: stop what listens there, or choose another port`
  if (code === 'EACCES' && port !== undefined) return `port ${port} may not be used by this user: choose one above 1023`
  return error.message.replaceAll(/\s*\n\s*/g, ' ')
}

function withCauses(error: Error): string {
  const stack = error.stack ?? error.message
  return error.cause instanceof Error ? `${stack}\ncaused by ${withCauses(error.cause)}` : stack
}
