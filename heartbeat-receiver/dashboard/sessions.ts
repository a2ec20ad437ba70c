/** The sessions of browsers that gave the token: a page cannot send it with an event stream, and should not keep it. Pure. */

/** A session ends after so long, milliseconds. */
export const sessionMs = 12 * 3_600_000
/** Beyond so many the oldest ends. */
export const sessionsMax = 64

export class Sessions {
  /** When each ends, the oldest first. */
  readonly #endsAtMs = new Map<string, number>()

  /** `id` must be one that nobody can guess. */
  open(id: string, nowMs: number): void {
    for (const [known, endsAtMs] of this.#endsAtMs)
      if (endsAtMs <= nowMs || this.#endsAtMs.size >= sessionsMax) this.#endsAtMs.delete(known)
    this.#endsAtMs.set(id, nowMs + sessionMs)
  }

  isOpen(id: string | undefined, nowMs: number): boolean {
    return id !== undefined && (this.#endsAtMs.get(id) ?? 0) > nowMs
  }

  end(id: string | undefined): void {
    if (id !== undefined) this.#endsAtMs.delete(id)
  }
}

/**
 * The name of a receiver's cookie: cookies know no ports, and several receivers may run on one host. Of what a receiver's name
 * may have a cookie's must not have the colon (RFC 6265 4.1.1).
 */
export function sessionCookieOf(receiver: string): string {
  return `heartline-session-${receiver.replaceAll(/[^\w.-]/g, '~')}`
}

/** The id of the session in a `Cookie` header, if there is one under that name (RFC 6265 4.2). */
export function sessionIn(cookie: string | undefined, sessionCookie: string): string | undefined {
  for (const pair of (cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2)
    if (name === sessionCookie) return value
  }
  return undefined
}

/** `Set-Cookie` that gives a session to the browser, or takes it away: `id` null. Scripts cannot read it, and no other site can send it. */
export function setCookieOf(sessionCookie: string, id: string | null, secure: boolean): string {
  const lifetimeS = id === null ? 0 : sessionMs / 1_000
  return `${sessionCookie}=${id ?? ''}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${lifetimeS}${secure ? '; Secure' : ''}`
}
