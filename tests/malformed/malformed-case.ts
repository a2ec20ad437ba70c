/** What a case of the corpus is: bytes of a client, where they come from, and what may become of them. */

/** What a request says, however it is written. */
export interface Meaning {
  method: string
  target: string
  /** Null if the client named none. */
  host: string | null
  /** One character for each byte. */
  body: string
  /** Headers that must arrive with just these values. */
  has?: Record<string, string>
  /** Headers that must not arrive. */
  lacks?: readonly string[]
}

export type Expectation =
  /** The answer has one of `statuses`, the connection is closed, and only what came `before` is served. */
  | { type: 'refused'; statuses: readonly number[]; before: readonly Meaning[] }
  /** Each of `requests` is passed on with this meaning. */
  | { type: 'passed'; requests: readonly Meaning[]; connection: 'open' | 'closed' }

export interface MalformedCase {
  title: string
  /** The advisory or the section that it comes from. */
  source: string
  /** One character for each byte. */
  bytes: string
  expectation: Expectation
}

const host = 'a.example'
export const hostLine = `Host: ${host}\r\n`

/** A head in good form around `lines`, each with its own line end. */
export function head(lines: string, method = 'GET', target = '/x', version = 'HTTP/1.1'): string {
  return `${method} ${target} ${version}\r\n${hostLine}${lines}\r\n`
}

export function meaning(given: Partial<Meaning> = {}): Meaning {
  return { method: 'GET', target: '/x', host, body: '', ...given }
}

export function refused(title: string, source: string, bytes: string, ...statuses: number[]): MalformedCase {
  return {
    title,
    source,
    bytes,
    expectation: { type: 'refused', statuses: statuses.length > 0 ? statuses : [400], before: [] },
  }
}

export function refusedAfter(before: Meaning[], title: string, source: string, bytes: string): MalformedCase {
  return { title, source, bytes, expectation: { type: 'refused', statuses: [400], before } }
}

export function passed(title: string, source: string, bytes: string, ...requests: Meaning[]): MalformedCase {
  return {
    title,
    source,
    bytes,
    expectation: { type: 'passed', requests: requests.length > 0 ? requests : [meaning()], connection: 'open' },
  }
}

/** The same, but the connection ends with it. */
export function passedLast(title: string, source: string, bytes: string, ...requests: Meaning[]): MalformedCase {
  const { expectation, ...rest } = passed(title, source, bytes, ...requests)
  return { ...rest, expectation: { ...(expectation as Expectation & { type: 'passed' }), connection: 'closed' } }
}

/** Bytes in a title. */
export function shown(bytes: string): string {
  const text = JSON.stringify(bytes).slice(1, -1)
  return text.length > 60 ? `${text.slice(0, 57)}… (${bytes.length} bytes)` : text
}
