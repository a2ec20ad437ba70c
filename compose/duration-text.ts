/** Times as a person reads them. Pure. */

/** Such as `12 s`, `3 min`, `5 h`. */
export function describeDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1_000))
  if (seconds < 120) return `${seconds} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

/** Milliseconds in three digits or less where that says enough: `9.2 ms`, `46 ms`, `1.2 s`. */
export function describeMilliseconds(durationMs: number): string {
  if (durationMs < 9.95) return `${Math.round(durationMs * 10) / 10} ms`
  return durationMs < 999.5 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1_000).toFixed(1)} s`
}

/** The time of day in the time zone of whoever looks: `14:03:12`. */
export function describeTime(unixMs: number): string {
  const time = new Date(unixMs)
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
}

/** The time of day with milliseconds: `14:03:12.047`. */
export function describeMoment(unixMs: number): string {
  return `${describeTime(unixMs)}.${String(Math.floor(unixMs % 1_000)).padStart(3, '0')}`
}
