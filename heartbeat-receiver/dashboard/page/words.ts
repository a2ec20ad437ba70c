/** Times and numbers as people say them. English, like the rest of the page, wherever the browser is. */

const secondMs = 1_000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** How long something took: `0.4 ms`, `41 ms`, `1.25 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. A negative span (clocks differ) is `0 ms`. */
export function spanText(spanMs: number): string {
  if (spanMs < 0.05) return '0 ms'
  if (spanMs < 9.95) return `${spanMs.toFixed(1)} ms`
  if (spanMs < 999.5) return `${Math.round(spanMs)} ms`
  if (spanMs < minuteMs) return `${(spanMs / secondMs).toFixed(spanMs < 9_995 ? 2 : 1)} s`
  if (spanMs < hourMs) return twoUnits(spanMs, minuteMs, 'min', secondMs, 's')
  if (spanMs < dayMs) return twoUnits(spanMs, hourMs, 'h', minuteMs, 'min')
  return twoUnits(spanMs, dayMs, 'd', hourMs, 'h')
}

function twoUnits(spanMs: number, largeMs: number, large: string, smallMs: number, small: string): string {
  const rest = Math.floor((spanMs % largeMs) / smallMs)
  const whole = `${Math.floor(spanMs / largeMs)} ${large}`
  return rest === 0 ? whole : `${whole} ${rest} ${small}`
}

/** `just now`, `12 seconds ago`, `3 minutes ago`, `2 hours ago`, `5 days ago`. */
export function agoText(elapsedMs: number): string {
  if (elapsedMs < 2 * secondMs) return 'just now'
  if (elapsedMs < minuteMs) return ago(elapsedMs, secondMs, 'second')
  if (elapsedMs < hourMs) return ago(elapsedMs, minuteMs, 'minute')
  if (elapsedMs < dayMs) return ago(elapsedMs, hourMs, 'hour')
  return ago(elapsedMs, dayMs, 'day')
}

function ago(elapsedMs: number, unitMs: number, unit: string): string {
  const count = Math.floor(elapsedMs / unitMs)
  return `${count} ${plural(count, unit)} ago`
}

/** How long something has been so, in whole units: `8 seconds`, `3 minutes`, `2 hours`, `5 days`. */
export function forText(elapsedMs: number): string {
  return elapsedMs < 2 * secondMs ? 'a moment' : agoText(elapsedMs).replace(' ago', '')
}

export function plural(count: number, word: string, words = `${word}s`): string {
  return count === 1 ? word : words
}

/** `3 backends`, `1 backend`. */
export function countOf(count: number, word: string, words?: string): string {
  return `${wholeText(count)} ${plural(count, word, words)}`
}

/** A count with its thousands set apart: `12,480`. */
export function wholeText(count: number): string {
  return Math.round(count).toLocaleString('en')
}

/** A rate or other measure in at most four digits: `0`, `4.2`, `980`, `12.4 k`, `3.1 M`. */
export function figureText(value: number): string {
  if (value === 0 || value < 0.05) return '0'
  if (value < 9.95) return value.toFixed(1)
  if (value < 9_999.5) return wholeText(value)
  if (value < 999_950) return `${(value / 1_000).toFixed(1)} k`
  return `${(value / 1_000_000).toFixed(1)} M`
}

/** A share as whole percent: `12 %`. */
export function shareText(share: number): string {
  return `${Math.round(Math.max(0, share) * 100)} %`
}

/** Time of day where the browser is, to the second, or with `precise` to the millisecond: `14:03:07`, `14:03:07.041`. */
export function clockText(atMs: number, precise = false): string {
  const at = new Date(atMs)
  const parts = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0'))
  return parts.join(':') + (precise ? `.${String(at.getMilliseconds()).padStart(3, '0')}` : '')
}

/** An address as a person tells two apart: without scheme and trailing slash. */
export function placeText(url: string): string {
  return url.replace(/^[a-z]+:\/\//, '').replace(/\/$/, '')
}

/** A sentence of what was made for the middle of one. A name at its start, such as `backend-2`, stays as it is. */
export function sentence(text: string): string {
  const whole = /^[a-z]+[ ,]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text
  return /[.!?]$/.test(whole) ? whole : `${whole}.`
}
