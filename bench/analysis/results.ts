/** What the analysis found: `results.json`, from which plots and tables are made. */
import type { Machine } from '../machine.ts'
import type { AnalysisOptions } from './config.ts'
import type { CrashStory } from './crash-story.ts'
import type { KeyMoves } from './key-moves.ts'

export interface Latency {
  p50: number
  p90: number
  p99: number
}

/** who answered how much, of three. */
export interface ShareResult {
  strategy: string
  /** By backend. */
  weights: Record<string, number>
  counts: Record<string, number>
}

/** how even it was, of 2 to N. */
export interface SpreadResult {
  strategy: string
  backends: number
  mean: number
  standardDeviation: number
}

/** how long answers took, of three alike and with one of them slow. */
export interface ResponseResult {
  strategy: string
  scenario: 'alike' | 'one slow'
  latencyMs: Latency
  /** Share of the slow backend; of the same one where all are alike. */
  slowShare: number
}

/** one of three is killed. */
export interface CrashResult extends CrashStory {
  strategy: string
  requests: number
  errors: Record<string, number>
  killed: string
  /** Good answers in each tenth of a second around the kill, by backend. */
  timeline: { atSeconds: number; backend: string; answers: number }[]
}

/** keys that move when one of N is killed. */
export interface MoveResult extends KeyMoves {
  backends: number
}

/** load against the mean, with and without a bound, for keys of very different popularity. */
export interface BoundResult {
  /** 0 for none. */
  bound: number
  /** Requests of the busiest backend over the mean. */
  requestsOverMean: number
  /** Requests under way at the busiest over the mean, at each sample: median, and what 99 of 100 samples do not exceed. */
  inFlightOverMean: { p50: number; p99: number }
}

export interface AnalysisResults {
  /** ISO 8601. */
  madeAt: string
  machine: Machine
  command: string
  options: Pick<AnalysisOptions, 'requests' | 'rate' | 'clients' | 'seed' | 'rounds'>
  /** The parts that were run. */
  shares?: ShareResult[]
  spreads?: SpreadResult[]
  responses?: ResponseResult[]
  crashes?: CrashResult[]
  moves?: MoveResult[]
  bounds?: BoundResult[]
}
