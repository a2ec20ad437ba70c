/** The balancers in the live view: what goes through them, and how that was of late. Pure. */
import type { Board, BoardBalancer } from '../../heartbeat-receiver/dashboard/board.ts'
import { trafficIntervalMs } from '../../heartbeat-receiver/dashboard/fold.ts'
import { describeMilliseconds } from '../duration-text.ts'
import { overTime } from './meters.ts'
import { type Line, piece } from './picture.ts'
import { type Cell, type Column, table } from './picture-table.ts'

const layout: readonly Column[] = [
  { title: [piece('  BALANCER', 'faint')], weight: 10, columnsMin: 12, columnsMax: 40 },
  { title: [piece('REQUESTS/S', 'faint')], weight: 9, align: 'right' },
  { title: [piece('P99', 'faint')], weight: 8, align: 'right' },
  { title: [piece('HELD', 'faint')], weight: 7, align: 'right' },
  { title: [piece('ERRORS/S', 'faint')], weight: 6, align: 'right' },
  { title: [piece('REPLAYS/S', 'faint')], weight: 4, align: 'right' },
  { title: [piece('P50', 'faint')], weight: 3, align: 'right' },
]

/** More of the past is the dashboard's. */
const pointsMax = 90
/** A line that is always full says nothing. */
const headroom = 1.3

/** A heading and a line for each balancer; none if there is none. */
export function balancerLines({ balancers }: Board, columns: number): Line[] {
  return balancers.length === 0 ? [] : table(layout, balancers.map(balancerRow), columns)
}

function balancerRow({ name, figures }: BoardBalancer): Cell[] {
  const who: Line = [piece('  '), piece(name)]
  if (!figures) return [who, [piece('tells no figures', 'faint')], ...Array.from({ length: 5 }, (): Line => [])]
  const { requestsPerSecond, p99Ms, held, errorsPerSecond, replaysPerSecond, p50Ms } = figures
  const trouble = (value: number, text: string): Line => [piece(text, value > 0 ? 'bad' : 'plain')]
  return [
    who,
    [piece(String(Math.round(requestsPerSecond)), 'strong')],
    [piece(describeMilliseconds(p99Ms))],
    [piece(String(held), held > 0 ? 'waiting' : 'plain')],
    trouble(errorsPerSecond, perSecond(errorsPerSecond)),
    [piece(perSecond(replaysPerSecond))],
    [piece(describeMilliseconds(p50Ms))],
  ]
}

/** Requests per second of all balancers together over the last seconds, and how many were held. */
export function trafficLines({ traffic }: Board, columns: number): Line[] {
  const width = Math.min(columns - 2, pointsMax)
  const shown = width < 1 ? [] : traffic.slice(-width)
  if (shown.length < 2) return []
  const rates = shown.map(({ requestsPerSecond }) => requestsPerSecond)
  const held = shown.map((point) => point.held)
  const seconds = Math.round((shown.length * trafficIntervalMs) / 1_000)
  const most = Math.max(...held)
  return [
    [piece('  '), piece(overTime(rates, width, Math.max(...rates) * headroom), 'accent')],
    ...(most > 0 ? [[piece('  '), piece(overTime(held, width, most), 'waiting')]] : []),
    [
      piece('  '),
      piece(`requests/s of the last ${seconds} s`, 'faint'),
      ...(most > 0 ? [piece(`, below it those held: ${most} at most`, 'faint')] : []),
    ],
  ]
}

function perSecond(value: number): string {
  return value > 0 && value < 10 ? String(Math.round(value * 10) / 10) : String(Math.round(value))
}
