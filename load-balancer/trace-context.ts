/** W3C Trace Context, level 1: which `traceparent` is passed on, and what one of our own looks like. Pure. */

const pattern = /^(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/
/** Hexadecimal digits of a trace id and of a parent id. */
const traceDigits = 32
const parentDigits = 16

/** True if a `traceparent` is one (section 3.2.2): version 00 ends after the flags, later ones may say more. */
export function isTraceparent(value: unknown): value is string {
  if (typeof value !== 'string') return false
  const found = pattern.exec(value)
  return found !== null && (found[1] !== '00' || found[2] === undefined)
}

/**
 * A `traceparent` that begins a trace. Its sampled flag is set: most tracers follow their parent's choice, and a backend
 * behind this proxy is to record as it would without one.
 * @param randomHex 48 random hexadecimal digits, in lower case
 */
export function makeTraceparent(randomHex: string): string {
  const trace = randomHex.slice(0, traceDigits)
  return `00-${trace}-${randomHex.slice(traceDigits, traceDigits + parentDigits)}-01`
}
