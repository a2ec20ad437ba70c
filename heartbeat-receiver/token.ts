/** The shared secret: who knows it may speak. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** True if no token is set, or the given one is it. Takes the same time whatever is given: hashes of equal length are compared. */
export function isAllowed(token: string | undefined, given: string | undefined): boolean {
  if (token === undefined) return true
  return timingSafeEqual(hash(token), hash(given ?? ''))
}

/** The token in `Authorization: Bearer TOKEN`, if there is one. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +(.+)$/i.exec(authorization ?? '')?.[1]
}

/** True if only processes of this machine reach an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
