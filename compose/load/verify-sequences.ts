/** Counters and registers: each applied write raises a number by one, so that the numbers alone show what went wrong. */
import { type Finding, finding, judgeOrder, judgeSequence, type Observation } from './findings.ts'
import type { HistoryEntry } from './operations.ts'

/** All operations on one counter, and its value at the end (0 if never touched). */
export function verifyCounter(key: string, entries: HistoryEntry[], final: number): Finding[] {
  const observations: Observation[] = []
  let unknown = 0
  for (const { operation, outcome, startMs, endMs } of entries) {
    const made = operation.op === 'increment'
    if (made && outcome.type === 'unknown') unknown++
    if (outcome.type !== 'answered' || outcome.answer.type !== 'count') continue
    observations.push({ startMs, endMs, level: outcome.answer.value, made })
  }
  const acknowledged = observations.filter(({ made }) => made).map(({ level }) => level)
  return [...judgeSequence({ key, noun: 'count', acknowledged, unknown, final }), ...judgeOrder(key, observations)]
}

interface Sighting extends Observation {
  value: string | null
}

/** All operations on one register, and what it holds at the end (undefined if never set). */
export function verifyRegister(
  key: string,
  entries: HistoryEntry[],
  final: { value: string; version: number } | undefined,
): Finding[] {
  const sightings: Sighting[] = []
  let unknown = 0
  for (const { operation, outcome, startMs, endMs } of entries) {
    const made = operation.op !== 'read-register'
    if (made && outcome.type === 'unknown') unknown++
    if (outcome.type !== 'answered') continue
    const { answer } = outcome
    if (answer.type === 'register') sightings.push({ startMs, endMs, level: answer.version, made, value: answer.value })
    if (answer.type === 'mismatch')
      sightings.push({ startMs, endMs, level: answer.version, made: false, value: answer.value })
    if (answer.type === 'not-found') sightings.push({ startMs, endMs, level: 0, made: false, value: null })
  }
  const acknowledged = sightings.filter(({ made }) => made).map(({ level }) => level)
  return [
    ...judgeSequence({ key, noun: 'version', acknowledged, unknown, final: final?.version ?? 0 }),
    ...judgeOrder(key, sightings),
    ...judgeValues(key, entries, sightings, final),
  ]
}

/** Versions order the writes; the values must tell the same story. */
function judgeValues(
  key: string,
  entries: HistoryEntry[],
  sightings: Sighting[],
  final: { value: string; version: number } | undefined,
): Finding[] {
  const findings: Finding[] = []
  const valueAt = new Map<number, string | null>([[0, null]])
  for (const { level, value, made } of sightings) if (made && !valueAt.has(level)) valueAt.set(level, value)
  for (const { level, value, made } of sightings) {
    const known = valueAt.get(level)
    if (known === undefined) valueAt.set(level, value)
    else if (known !== value && !made)
      findings.push(finding('wrong', key, `version ${level} was seen as ${value}, but it was made as ${known}`))
  }
  for (const entry of entries) findings.push(...judgeCompareAndSet(key, entry, valueAt))
  const promised = final && valueAt.get(final.version)
  if (final && promised !== undefined && promised !== final.value)
    findings.push(finding('lost', key, `version ${final.version} was ${promised}, at the end it is ${final.value}`))
  return findings
}

function judgeCompareAndSet(key: string, entry: HistoryEntry, valueAt: Map<number, string | null>): Finding[] {
  const { operation, outcome } = entry
  if (operation.op !== 'compare-and-set' || outcome.type !== 'answered') return []
  const { answer } = outcome
  if (answer.type === 'register') {
    const before = valueAt.get(answer.version - 1)
    if (before === undefined || before === operation.expect) return []
    const detail = `compare-and-set expected ${operation.expect} and made version ${answer.version}, but before it was ${before}`
    return [finding('lost', key, detail)]
  }
  // One refused by its own value ran twice; its version, acknowledged to nobody, is counted with the sequence.
  if (answer.type === 'mismatch' && answer.value === operation.expect)
    return [finding('wrong', key, `compare-and-set was refused although ${operation.expect} was there`)]
  return []
}
