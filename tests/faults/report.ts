/** The table of results. Pure. */
import type { Row } from './row.ts'
import type { Violation } from './verdict.ts'

/** What one run of a row comes to, as it is handed from one process to another. */
export interface Outcome {
  readonly row: string
  readonly pauseMs: number
  readonly requests: number
  readonly drops: number
  readonly refusals: number
  readonly tookMs: number
  /** How many operations were concerned, by kind. */
  readonly violations: Readonly<Partial<Record<Violation['kind'], number>>>
}

export interface Machine {
  readonly processors: number
  readonly memoryGiB: number
  readonly node: string
  readonly kafka: string
  readonly network: string
}

/** `docs/faults.md`. Without a date: the same results make the same file. */
export function faultsPage(rows: readonly Row[], outcomes: readonly Outcome[], machine: Machine): string {
  const { processors, memoryGiB, node, kafka, network } = machine
  const runs = outcomes.length
  const requests = outcomes.reduce((all, outcome) => all + outcome.requests, 0)
  const lines = [
    '# What happens when it dies',
    '',
    'Each row of the table is done to real processes and a real Kafka, under load. Every operation of every client is recorded with its start',
    'and end. At the end the state is read back, and the history is checked: no error beyond what the row allows, nothing acknowledged lost, nothing',
    'applied twice, and one order that explains all answers (linearizability: registers with compare-and-set, counters, bookings).',
    '',
    'What is promised is whether clients see an error or a pause; how long a pause was is measured, in the columns on the right. A row that was run',
    'more often than the others was run again later, and every run of it counts.',
    '',
    `This file is written by the suite itself: \`npm run test:faults -- --repeat N --table docs/faults.md\`. One row: \`--only NAME\`.`,
    '',
    '| row | what happens | promised to clients | runs | errors | lost | doubled | not linearizable | other | pause, measured: median | worst |',
    '| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map((row) => tableLine(row, outcomes)),
    '',
    `${runs} runs, ${requests} operations, ${machineText(processors, memoryGiB)}; Node ${node}, Kafka ${kafka}.`,
    network === 'namespaces'
      ? 'Every process had a network of its own (Linux network namespaces); cuts drop packets, with no word to either side.'
      : 'Processes were joined by proxies, for want of the right to make network namespaces; cuts stall connections.',
    'The pause is the longest time between two good answers to any client, at about 300 requests a second: its least is the time between two',
    'requests. Balancers, backends, receivers, Kafka and clients share the machine, with `--jobs` those of several installations:',
    'the pause of a quiet machine is in [performance](performance.md).',
    '',
    '*Other* counts what a row itself checks: that the next active takes over, that epochs go on above, that no process ends by itself, and that',
    'after each event everything works together again within 20 seconds.',
  ]
  return `${lines.join('\n')}\n`
}

function machineText(processors: number, memoryGiB: number): string {
  return `${processors} processor${processors === 1 ? '' : 's'}, ${memoryGiB} GiB of memory`
}

function tableLine({ name, event, promise }: Row, all: readonly Outcome[]): string {
  const outcomes = all.filter(({ row }) => row === name)
  const sum = (kind: Violation['kind']) =>
    outcomes.reduce((total, { violations }) => total + (violations[kind] ?? 0), 0)
  const pauses = outcomes.map(({ pauseMs }) => pauseMs)
  const figures =
    outcomes.length === 0
      ? ['0', ...Array<string>(7).fill('–')]
      : [
          outcomes.length,
          ...(['error', 'lost', 'doubled', 'not linearizable', 'not as promised'] as const).map(sum),
          milliseconds(median(pauses)),
          milliseconds(Math.max(...pauses)),
        ]
  return `| ${[name, event, promise, ...figures].join(' | ')} |`
}

export function median(values: readonly number[]): number {
  const ascending = values.toSorted((one, other) => one - other)
  const middle = ascending.length >> 1
  return ascending.length % 2 === 1 ? ascending[middle]! : (ascending[middle - 1]! + ascending[middle]!) / 2
}

function milliseconds(value: number): string {
  return `${Math.round(value)} ms`
}
