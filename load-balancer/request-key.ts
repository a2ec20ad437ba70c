/** What tells requests apart for consistent hashing: a header, a cookie, a query parameter, or the client's address. Pure. */

/** Where a request's key is. Header names are in lower case. */
export type KeySource = { type: 'address' } | { type: 'header' | 'cookie' | 'query'; name: string }

/** What is looked at of a request. */
export interface KeyedRequest {
  /** As Node gives them: names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** Path and query. */
  url: string
  /** The client's. */
  address: string
}

/** A token of RFC 9110 5.6.2: what headers and cookies may be named. */
const pattern = /^(header|cookie|query):([A-Za-z0-9!#$%&'*+.^_`|~-]{1,256})$/

/** Reads `address`, `header:NAME`, `cookie:NAME` or `query:NAME`; undefined if it is none of these. */
export function parseKeySource(text: string): KeySource | undefined {
  if (text === 'address') return { type: 'address' }
  const [, type, name] = pattern.exec(text) ?? []
  if (type === 'header') return { type, name: name!.toLowerCase() }
  return type === 'cookie' || type === 'query' ? { type, name: name! } : undefined
}

/**
 * The key of a request, as it was sent: nothing is decoded. One that has none, or an empty one, goes by the client's address:
 * were it refused or sent anywhere, a client's first request (before it has its cookie) would fare worse than its others.
 */
export function requestKey(source: KeySource, request: KeyedRequest): string {
  return sourceValue(source, request) || request.address
}

function sourceValue(source: KeySource, { headers, url }: KeyedRequest): string | undefined {
  switch (source.type) {
    case 'address':
      return undefined
    case 'header': {
      const value = headers[source.name]
      return typeof value === 'string' ? value : value?.[0]
    }
    case 'cookie': {
      const { cookie } = headers
      return typeof cookie === 'string' ? pairValue(cookie, 0, ';', source.name) : undefined
    }
    case 'query': {
      const query = url.indexOf('?')
      return query < 0 ? undefined : pairValue(url, query + 1, '&', source.name)
    }
  }
}

/** The value of the first `name=value` in `text` from `from` on, where pairs are separated by `separator`. */
function pairValue(text: string, from: number, separator: string, name: string): string | undefined {
  let begin = from
  while (begin < text.length) {
    while (text[begin] === ' ') begin++
    const next = text.indexOf(separator, begin)
    const end = next < 0 ? text.length : next
    const equals = begin + name.length
    if (text[equals] === '=' && text.startsWith(name, begin)) return text.slice(equals + 1, end).trimEnd()
    begin = end + 1
  }
  return undefined
}
