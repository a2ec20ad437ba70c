/** Pauses of a service as its clients saw them: the gaps between successive good answers. */

/**
 * The longest gap, milliseconds, of those that overlap the time from `fromMs` to `toMs`; 0 if there is none.
 * `answersMs` ascends.
 */
export function longestPauseMs(
  answersMs: ArrayLike<number>,
  fromMs = Number.NEGATIVE_INFINITY,
  toMs = Number.POSITIVE_INFINITY,
): number {
  let longest = 0
  for (let index = 1; index < answersMs.length; index++) {
    const before = answersMs[index - 1]!
    const after = answersMs[index]!
    if (after >= fromMs && before <= toMs) longest = Math.max(longest, after - before)
  }
  return longest
}
