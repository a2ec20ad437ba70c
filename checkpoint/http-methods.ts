/** What HTTP says of methods (RFC 9110 9.2). Case matters, and what is not named is neither. */

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** True for methods without effect, RFC 9110 9.2.1. */
export function isSafe(method: string): boolean {
  return safe.has(method)
}

/** True for methods that may be repeated whatever the route, RFC 9110 9.2.2. */
export function isIdempotent(method: string): boolean {
  return isSafe(method) || method === 'PUT' || method === 'DELETE'
}
