/** Now, in Unix milliseconds with fractions: comparable between the processes of one machine, and steady within one. */
export function unixNowMs(): number {
  return performance.timeOrigin + performance.now()
}
