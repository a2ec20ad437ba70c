/** Why a receiver could not be asked, in words that follow its name. Pure. */

/** `timeoutMs` is how long an answer may have taken. */
export function describeFetchFailure(error: Error, timeoutMs: number): string {
  if (error.name === 'TimeoutError') return `gives no answer within ${timeoutMs} ms`
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code
  if (code === 'ECONNREFUSED') return 'refuses connections'
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') return 'broke the connection'
  return code ?? error.message
}
