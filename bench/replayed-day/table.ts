/** How many overloaded seconds each rule leaves in a replayed day, and what it costs, as a table. Pure: it is always the same. */
import { Autoscaler, type AutoscaleSettings, defaultAutoscaleSettings } from '../../load-balancer/replicas/autoscale.ts'
import { arrivalsOf } from './day.ts'
import { type Outcome, type Rule, ratePerReplica, replay, sampleSeconds } from './replay.ts'

/** Each day that is counted comes after three like it, without the crowd. */
const seeds = [11, 22, 33, 44, 55] as const
const daysBefore = 3
const [min, max] = [2, 60]
/** Enough for the usual lunch. */
const fixed = 24

interface Contender {
  readonly name: string
  readonly startWith: number
  readonly rule: () => Rule
}

const contenders: readonly Contender[] = [
  { name: `always ${fixed}, enough for lunch`, rule: () => () => fixed, startWith: fixed },
  ...[0.8, 0.9].flatMap((fillMax) => [
    scaled(`full to ${fillMax}: rate only`, { fillMax, rules: 'rate' }),
    scaled(`full to ${fillMax}: forecast only, no season`, { fillMax, rules: 'forecast', seasonMs: 0 }),
    scaled(`full to ${fillMax}: forecast only, season of a day`, { fillMax, rules: 'forecast' }),
    scaled(`full to ${fillMax}: both, no season`, { fillMax, seasonMs: 0 }),
    scaled(`full to ${fillMax}: both, season of a day`, { fillMax }),
  ]),
]

/** In Markdown, a row for each rule. */
export function replayedDays(): string {
  const days = seeds.map((seed) =>
    Array.from({ length: daysBefore + 1 }, (_, index) => arrivalsOf(seed * 1_000 + index, index === daysBefore)),
  )
  const rows = contenders.map(({ name, rule, startWith }) => {
    const outcomes = days.map((each) => replay(each, rule(), startWith))
    const cell = (key: keyof Outcome) => String(Math.round(median(outcomes, key)))
    const worst = Math.max(...outcomes.map(({ overloadedSeconds }) => overloadedSeconds))
    const seconds = [cell('overloadedSeconds'), String(worst), cell('atLunch'), cell('inSpike')]
    return [name, ...seconds, cell('replicaHours'), cell('replicasMax')]
  })
  const head = ['servers', 'overloaded s', 'worst day', 'at lunch', 'in the crowd', 'replica-hours', 'most servers']
  const lines = [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}

function scaled(name: string, more: Partial<AutoscaleSettings>): Contender {
  const settings = { ...defaultAutoscaleSettings, min, max, ratePerReplica, sampleMs: sampleSeconds * 1_000, ...more }
  const rule = (): Rule => {
    const autoscaler = new Autoscaler(settings)
    return (rate) => autoscaler.sample(rate).desired
  }
  return { name, rule, startWith: min }
}

function median(outcomes: readonly Outcome[], key: keyof Outcome): number {
  return outcomes.map((outcome) => outcome[key]).sort((a, b) => a - b)[Math.floor(outcomes.length / 2)]!
}
