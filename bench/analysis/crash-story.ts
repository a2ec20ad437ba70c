/** What a crash looked like from outside. Pure: answers in, in the order in which they came. */
import { longestPauseMs } from '../../compose/load/pauses.ts'
import { percentile } from '../statistics.ts'
import { sharesOf } from './statistics.ts'

export interface CrashAnswer {
  /** When it was complete, Unix milliseconds. */
  atMs: number
  latencyMs: number
  backend: string
  /** How often the request had to be sent again. */
  replays: number
}

export interface CrashStory {
  sharesBefore: Record<string, number>
  /** From when the traffic had moved. */
  sharesAfter: Record<string, number>
  /** From the kill until no answer comes from the killed one any more and of the next hundred at most one had to be asked for twice. */
  movedMs: number
  /** Answers that had to be asked for twice, in all. */
  sentAgain: number
  /** Longest time without any answer, around the kill. */
  pauseMs: number
  /** In the second before, and in the second after the kill. */
  p99BeforeMs: number
  p99AfterMs: number
}

/** So many successive answers are looked at, and so many of them may have been sent again: a breaker tries now and then. */
const settledAnswers = 100
const settledReplaysMax = 1
const windowMs = 1_000

/** `names` are all backends, `killed` is one of them. */
export function crashStory(
  answers: readonly CrashAnswer[],
  { killed, killedAtMs, names }: { killed: string; killedAtMs: number; names: readonly string[] },
): CrashStory {
  const before = answers.filter(({ atMs }) => atMs <= killedAtMs)
  const after = answers.filter(({ atMs }) => atMs > killedAtMs)
  const movedMs = Math.max(0, (after[settledIndex(after, killed)]?.atMs ?? killedAtMs) - killedAtMs)
  const latencies = (fromMs: number, toMs: number) =>
    answers.filter(({ atMs }) => atMs > fromMs && atMs <= toMs).map(({ latencyMs }) => latencyMs)
  return {
    sharesBefore: sharesOf(countsOf(before), names),
    sharesAfter: sharesOf(countsOf(after.filter(({ atMs }) => atMs >= killedAtMs + movedMs)), names),
    movedMs,
    sentAgain: after.filter(({ replays }) => replays > 0).length,
    pauseMs: longestPauseMs(
      answers.map(({ atMs }) => atMs),
      killedAtMs,
      killedAtMs + windowMs,
    ),
    p99BeforeMs: percentile(latencies(killedAtMs - windowMs, killedAtMs), 0.99),
    p99AfterMs: percentile(latencies(killedAtMs, killedAtMs + windowMs), 0.99),
  }
}

/** The first answer from which on nothing came from the killed one, and a hundred were as good as undisturbed; else the last one. */
function settledIndex(after: readonly CrashAnswer[], killed: string): number {
  for (let index = after.findLastIndex(({ backend }) => backend === killed) + 1; index < after.length; index++) {
    const next = after.slice(index, index + settledAnswers)
    if (after[index]!.replays === 0 && next.filter(({ replays }) => replays > 0).length <= settledReplaysMax)
      return index
  }
  return after.length - 1
}

function countsOf(answers: readonly CrashAnswer[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { backend } of answers) counts[backend] = (counts[backend] ?? 0) + 1
  return counts
}
