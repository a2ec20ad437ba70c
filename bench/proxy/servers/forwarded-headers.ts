/** Which headers the bare forwarders pass on: all but those of one connection (RFC 9110 7.6.1). */

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
])

/** Of names and values as a client wrote them. Header names that are already lower case cost no copy. */
export function requestHeaders(raw: readonly string[], dropsLength: boolean): string[] {
  const kept: string[] = []
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!
    const lowerCase = name.toLowerCase()
    if (hopByHop.has(lowerCase) || (dropsLength && lowerCase === 'content-length')) continue
    kept.push(name, raw[index + 1]!)
  }
  return kept
}

/** Of names and values as undici hands them on. */
export function answerHeaders(raw: readonly Buffer[]): string[] {
  const kept: string[] = []
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toString('latin1')
    if (!hopByHop.has(name.toLowerCase())) kept.push(name, raw[index + 1]!.toString('latin1'))
  }
  return kept
}
