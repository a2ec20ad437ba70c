/** The steps of one failover, found in the log lines of all processes. Pure. */

/** A log line at level debug: its time is Unix milliseconds with tenths. */
export interface TimedLine {
  readonly process: string
  readonly line: Readonly<Record<string, unknown>>
}

const steps: readonly { title: string; is: (found: TimedLine) => boolean }[] = [
  { title: 'balancer: the active gives no answers', is: ({ line }) => line.event === 'lost' },
  { title: 'receiver: suspected', is: ({ line }) => line.event === 'suspected' },
  { title: 'receiver: decided', is: ({ line }) => line.event === 'decided' },
  { title: 'successor: named', is: ({ line }) => line.from === 'standby' && line.to === 'claiming' },
  { title: 'balancer: decision heard, held requests sent', is: ({ line }) => line.event === 'routed' },
  { title: 'successor: claim valid', is: ({ line }) => line.from === 'claiming' && line.to === 'active' },
  { title: 'receiver: ready', is: ({ line }) => line.event === 'ready' },
  { title: 'balancer: first answer', is: ({ line }) => line.event === 'failed-over' },
]

/** When each step came first after `fromMs`, milliseconds since; those that did not come are left out. */
export function stepsOf(lines: readonly TimedLine[], fromMs: number): Map<string, number> {
  const found = new Map<string, number>()
  for (const { title, is } of steps) {
    const first = lines.find((line) => Number(line.line.time) >= fromMs && is(line))
    if (first) found.set(title, Number(first.line.time) - fromMs)
  }
  return found
}
