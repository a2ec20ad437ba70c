/** Which requests a standby may answer, and which standby is asked. Pure. */
import type { Member } from './membership.ts'

/** Standbys that lag so little behind the best do not differ: the numbers are a heartbeat old. Records. */
const lagSpread = 1_000

/**
 * How old the answer to a request may be, milliseconds; null if it must be the active's. Only GET and HEAD without a body may be answered by a
 * standby, and a client's `Cache-Control` is heeded (RFC 9111 5.2.1): `no-cache` asks for what is true now, `max-age=N` for what is at most N
 * seconds old.
 */
export function stalenessLimitMs(
  { method, hasBody, cacheControl }: { method: string; hasBody: boolean; cacheControl: string | undefined },
  limitMs: number,
): number | null {
  if ((method !== 'GET' && method !== 'HEAD') || hasBody) return null
  if (cacheControl === undefined) return limitMs
  if (/(?:^|[\s,])no-cache(?:$|[\s,=])/i.test(cacheControl)) return null
  const seconds = /(?:^|[\s,])max-age="?(\d{1,10})/i.exec(cacheControl)?.[1]
  const lowest = seconds === undefined ? limitMs : Math.min(limitMs, Number(seconds) * 1_000)
  return lowest > 0 ? lowest : null
}

/** Asks the standbys in turn, leaving out those that lag. */
export class StandbyRotation {
  #turn = 0

  /** One that `may` be asked, or undefined. */
  choose<S extends { readonly member: Pick<Member, 'phase' | 'exactlyOnce' | 'lag'> }>(
    members: readonly S[],
    may: (standby: S) => boolean,
  ): S | undefined {
    let lagMin = Number.POSITIVE_INFINITY
    for (const { member } of members) if (isStandby(member)) lagMin = Math.min(lagMin, member.lag)
    for (let step = 0; step < members.length; step++) {
      const index = (this.#turn + step) % members.length
      const standby = members[index]!
      if (!isStandby(standby.member) || standby.member.lag > lagMin + lagSpread || !may(standby)) continue
      this.#turn = index + 1
      return standby
    }
    return undefined
  }
}

/** Who declares nothing knows nothing of reads that may be old. */
function isStandby({ phase, exactlyOnce }: Pick<Member, 'phase' | 'exactlyOnce'>): boolean {
  return phase === 'standby' && exactlyOnce
}
