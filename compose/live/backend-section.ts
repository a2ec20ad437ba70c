/** The backends in the live view: what each does, how far behind it is, its heartbeats, and how suspicious its silence is. Pure. */
import type { Board, BoardBackend } from '../../heartbeat-receiver/dashboard/board.ts'
import { describeDuration } from '../duration-text.ts'
import { meter, overTime } from './meters.ts'
import { type Line, type Meaning, piece } from './picture.ts'
import { type Cell, type Column, table } from './picture-table.ts'
import { type Pulses, windowsMax } from './pulses.ts'

const meterColumns = 8
/** Quiet heartbeats are no walls. */
const headroom = 1.7
/** From this share of the silence on that is needed for a suspicion, one looks at it. */
const uneasyShare = 0.6

const layout: readonly Column[] = [
  { title: [piece('  BACKEND', 'faint')], weight: 10, columnsMin: 12, columnsMax: 40 },
  { title: [piece('PHASE', 'faint')], weight: 9 },
  { title: [piece('BEHIND', 'faint')], weight: 6, align: 'right' },
  { title: [piece('HEARTBEATS', 'faint')], weight: 8 },
  { title: [piece('SUSPICION', 'faint')], weight: 7 },
  { title: [piece('IN FLIGHT', 'faint')], weight: 3, align: 'right' },
  { title: [piece('RECORD', 'faint')], weight: 2, align: 'right' },
  { title: [], weight: 5, columnsMin: 12 },
]

/** A heading and a line for each of at most `max`, those that are there first. */
export function backendLines({ backends }: Board, pulses: Pulses, columns: number, max: number): Line[] {
  if (backends.length === 0) return [[piece('  no backend is there', 'waiting')]]
  const highest = [...pulses.values()].flat().reduce((most, count) => Math.max(most, count), 1)
  const shown = backends.toSorted((left, right) => Number(right.alive) - Number(left.alive)).slice(0, max)
  const rows = shown.map((backend) => backendRow(backend, pulses.get(backend.name) ?? [], highest))
  const noted = shown.some((backend) => noteOf(backend) !== '')
  return table(noted ? layout : layout.slice(0, -1), noted ? rows : rows.map((row) => row.slice(0, -1)), columns)
}

function backendRow(backend: BoardBackend, beats: readonly number[], highest: number): Cell[] {
  const { name, alive, active, lag, inFlight, offset } = backend
  const pulse = overTime(beats, windowsMax, highest * headroom).padStart(windowsMax)
  const figure = (value: number): Line => [piece(alive ? String(value) : '', 'plain')]
  return [
    [piece(markOf(backend), alive ? 'good' : 'bad'), piece(name, active ? 'strong' : alive ? 'plain' : 'faint')],
    [phaseOf(backend)],
    figure(lag),
    [piece(pulse, alive ? 'good' : 'faint')],
    alive ? suspicion(backend.silence) : [],
    figure(inFlight),
    figure(offset),
    [piece(noteOf(backend), alive ? 'faint' : 'bad')],
  ]
}

function markOf({ alive, active }: BoardBackend): string {
  if (!alive) return '✖ '
  return active ? '● ' : '  '
}

function phaseOf({ alive, phase, progress, draining, active }: BoardBackend): Line[number] {
  if (!alive) return piece('gone', 'bad')
  if (draining) return piece('draining', 'waiting')
  if (progress) return piece(`${phase} ${Math.floor(progress.ratio * 100)} %`, 'waiting')
  return piece(phase, active ? 'good' : phase === 'standby' ? 'plain' : 'waiting')
}

function suspicion(silence: number): Line {
  const meaning: Meaning = silence >= 1 ? 'bad' : silence >= uneasyShare ? 'waiting' : 'good'
  return meter(silence, meterColumns, meaning)
}

/** What does not stand in the figures. */
function noteOf({ alive, gone, progress, silence }: BoardBackend): string {
  if (!alive) return gone ?? 'it is not there'
  if (progress?.remainingMs != null) return `caught up in ${describeDuration(Math.max(1_000, progress.remainingMs))}`
  return silence >= 1 ? 'suspected' : ''
}
