/** How eagerly a process that died is started again. Pure. */

const firstDelayMs = 500
const delayMsMax = 30_000
/** Whoever lived this long is considered well: its next death is a first one. */
const healthyMs = 10_000

/** `failures` in a row so far, and how long it lived this time: the delay doubles with each, up to 30 s. */
export function nextRestart(failures: number, livedMs: number): { failures: number; delayMs: number } {
  const inRow = livedMs >= healthyMs ? 0 : failures
  return { failures: inRow + 1, delayMs: Math.min(firstDelayMs * 2 ** inRow, delayMsMax) }
}
