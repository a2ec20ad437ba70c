/**
 * What a history can be guilty of.
 * - `lost`: something acknowledged is not there.
 * - `doubled`: something was applied more than once.
 * - `stale`: an answer shows a state older than what was known before it was asked for.
 * - `wrong`: an answer that no order of the operations explains.
 */
export interface Finding {
  kind: 'lost' | 'doubled' | 'stale' | 'wrong'
  key: string
  /** One line for a person: what was promised and what was found. */
  detail: string
  /** How many operations it is about. */
  count: number
}

export function finding(kind: Finding['kind'], key: string, detail: string, count = 1): Finding {
  return { kind, key, detail, count }
}

/** Values without duplicates, and what their numbers alone prove. See {@link judgeSequence}. */
export interface SequenceOptions {
  key: string
  /** What one value stands for, such as `increment` or `version`. */
  noun: string
  /** The value each acknowledged write got. */
  acknowledged: number[]
  /** How many writes may or may not have been applied. */
  unknown: number
  /** The value at the end. */
  final: number
}

/**
 * For what each applied write raises by exactly one (counters, versions): every acknowledged value is one write's alone and
 * at most the final one, and every other value up to the final one is a write whose outcome nobody knows.
 */
export function judgeSequence({ key, noun, acknowledged, unknown, final }: SequenceOptions): Finding[] {
  const findings: Finding[] = []
  const seen = new Set<number>()
  for (const value of acknowledged) {
    if (seen.has(value))
      findings.push(finding('lost', key, `${noun} ${value} was acknowledged to two writes: one overwrote the other`))
    else if (value > final)
      findings.push(finding('lost', key, `${noun} ${value} was acknowledged, at the end it is ${final}`))
    seen.add(value)
  }
  const below = [...seen].filter((value) => value <= final).length
  const extra = final - below - unknown
  const detail = `${noun} at the end is ${final}, with ${below} acknowledged and ${unknown} of unknown outcome`
  return extra > 0 ? [...findings, finding('doubled', key, detail, extra)] : findings
}

/** An operation that showed how far a key had come: a value, a version. It only ever grows. */
export interface Observation {
  startMs: number
  endMs: number
  level: number
  /** True for the operation that made this level: nobody may have seen it before it began. */
  made: boolean
}

/** Checks real time: what ended before an observation began must not be ahead of it. */
export function judgeOrder(key: string, observations: Observation[]): Finding[] {
  const byEnd = observations.toSorted((left, right) => left.endMs - right.endMs)
  const findings: Finding[] = []
  let floor = Number.NEGATIVE_INFINITY
  let ended = 0
  for (const observation of observations.toSorted((left, right) => left.startMs - right.startMs)) {
    for (; ended < byEnd.length && byEnd[ended]!.endMs < observation.startMs; ended++)
      floor = Math.max(floor, byEnd[ended]!.level)
    const { level, made } = observation
    if (made ? level > floor : level >= floor) continue
    const what = made ? `a write made ${level}` : `a read saw ${level}`
    findings.push(finding('stale', key, `${what} although ${floor} was known before it began`))
  }
  return findings
}
