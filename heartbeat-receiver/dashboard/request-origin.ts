/** Whether a request comes from the dashboard's own page, or from no page at all. Pure. */
import { isLoopback } from '../token.ts'

export interface RequestOrigin {
  readonly host: string | undefined
  readonly origin: string | undefined
  /** `Sec-Fetch-Site`, which a browser sets and no page can (W3C, Fetch Metadata Request Headers). */
  readonly site: string | undefined
}

/**
 * False for what a page of another site makes a browser send. A browser says of its pages which site they are of, or at least from which origin
 * a request that changes something comes; a script says neither.
 */
export function isOwn({ host, origin, site }: RequestOrigin): boolean {
  if (site !== undefined && site !== 'same-origin') return false
  return origin === undefined || (host !== undefined && URL.parse(origin)?.host === host)
}

/** True if `Host` names this machine by a loopback address: the name of a foreign page may be made to point here (DNS rebinding). */
export function namesLoopback(host: string | undefined): boolean {
  const hostname = host === undefined ? undefined : URL.parse(`http://${host}`)?.hostname
  return hostname !== undefined && isLoopback(hostname.replace(/^\[|\]$/g, ''))
}
