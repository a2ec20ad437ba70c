/**
 * Makes the board, and tells what has changed on it since the last frame. Pure. While nobody watches only the bounded histories are kept:
 * the rest is looked up when a board or a frame is made.
 */
import type { Sighting } from '../backend-view.ts'
import type { CrashCircumstances, CrashWords } from '../crash-wording.ts'
import type { Crash } from '../events.ts'
import type { FirstAnswer, ReceiverEvent } from '../protocol.ts'
import type {
  BalancerFigures,
  Board,
  BoardBeats,
  BoardChanges,
  BoardJournal,
  BoardReceiver,
  BoardShard,
} from './board.ts'
import { changesBetween } from './board-changes.ts'
import { CrashHistory } from './crash-history.ts'
import { beatsMax } from './fold.ts'
import { ReignHistory } from './reign-history.ts'
import { Traffic } from './traffic.ts'

/** A backend that is gone is shown for so long, milliseconds. */
export const goneShownMs = 60_000
/** The journal's rate is measured over so long at least, milliseconds. */
const rateOverMs = 1_000
/** When more backends than this are there, those of a moment ago will do for a crash: a whole fleet may be lost at once. */
const fleetMin = 100
const momentMs = 100

/** Where a board is looked up. */
export interface BoardSources {
  readonly receiver: Board['receiver']
  /** Itself first. */
  readonly receivers: () => readonly BoardReceiver[]
  readonly shards: () => readonly BoardShard[]
  readonly sightings: (nowMs: number) => readonly Sighting[]
  /** How many heartbeats the backend of this name has sent, in its present incarnation. */
  readonly heartbeatsOf: (name: string) => number
  /** There is somebody who kills a backend when asked. */
  readonly kills: boolean
  /** Something was noted that those who watch are to see at once. */
  readonly urgent: () => void
}

export class BoardKeeper {
  readonly #sources: BoardSources
  readonly #reigns = new ReignHistory()
  readonly #crashes = new CrashHistory()
  readonly #traffic = new Traffic()
  /** As those who watch know it; null while nobody does. */
  #shown: Board | null = null
  /** Heartbeats of the backends shown, as they were told. */
  #beats = new Map<string, number>()
  #lookedAround: { atMs: number; seen: readonly Sighting[] } = { atMs: 0, seen: [] }
  #rate = { atMs: Number.NEGATIVE_INFINITY, offset: 0, recordsPerSecond: 0 }

  constructor(sources: BoardSources) {
    this.#sources = sources
  }

  /** Something has happened. */
  happened(event: ReceiverEvent): void {
    if (event.type === 'decided') this.#reigns.decided(event)
    if (event.type === 'ready') this.#reigns.ready(event)
    if (event.type === 'decided' || event.type === 'ready' || event.type === 'left') this.#sources.urgent()
  }

  /** A backend is lost. Returns what a person is told of it. */
  crashed(crash: Crash, nowMs: number): CrashWords {
    const words = this.#crashes.crashed(crash, circumstancesOf(crash, this.#around(nowMs), nowMs))
    this.#sources.urgent()
    return words
  }

  /** A balancer follows. */
  balancerJoined(connection: number, name: string, nowMs: number): void {
    this.#traffic.joined(connection, name, nowMs)
  }

  balancerLeft(connection: number): void {
    this.#traffic.left(connection)
  }

  figures(connection: number, figures: BalancerFigures, nowMs: number): void {
    this.#traffic.told(connection, figures, nowMs)
  }

  /** A balancer gave its first good answer of an epoch to a client. */
  firstAnswer(answer: FirstAnswer, nowMs: number): void {
    this.#reigns.firstAnswer(answer, nowMs)
    this.#sources.urgent()
  }

  /** Time passes. Expected every `trafficIntervalMs`. */
  tick(nowMs: number): void {
    this.#traffic.tick(nowMs)
  }

  /** The whole board, as it is now. */
  board(nowMs: number): Board {
    const { receiver, receivers, shards, sightings, kills } = this.#sources
    const seen = sightings(nowMs).filter(({ goneAtMs }) => goneAtMs === null || nowMs - goneAtMs < goneShownMs)
    const all = receivers()
    const leads = all[0]?.leads === true
    return {
      atMs: nowMs,
      receiver,
      receivers: all,
      journal: this.#journal(seen, nowMs),
      shards: shards(),
      backends: seen.map(({ backend }) => backend).sort((a, b) => (a.name < b.name ? -1 : 1)),
      balancers: this.#traffic.balancers(nowMs),
      reigns: this.#reigns.all,
      crashes: this.#crashes.all,
      traffic: this.#traffic.points,
      can: { handOver: leads && mayHandOver(seen), drain: leads && seen.some(({ drains }) => drains), kill: kills },
    }
  }

  /** Somebody begins to watch, who is shown this; everybody else must be told of the changes before. */
  watch(nowMs: number): Board {
    if (this.#shown) return this.#shown
    this.#shown = this.board(nowMs)
    this.beats(nowMs)
    return this.#shown
  }

  /** Nobody watches any more. */
  rest(): void {
    this.#shown = null
    this.#beats.clear()
  }

  /** What those who watch are to be told; null if nothing has changed, or nobody watches. */
  changes(nowMs: number): BoardChanges | null {
    if (!this.#shown) return null
    const board = this.board(nowMs)
    const changes = changesBetween(this.#shown, board)
    if (changes) this.#shown = board
    return changes
  }

  /** The heartbeats since the last call, of the backends as they were shown last. */
  beats(atMs: number): BoardBeats {
    let beats = ''
    for (const { name } of this.#shown?.backends ?? []) {
      const count = this.#sources.heartbeatsOf(name)
      const before = this.#beats.get(name) ?? count
      this.#beats.set(name, count)
      beats += Math.min(beatsMax, count < before ? count : count - before) // fewer than before: it is another incarnation
    }
    if (this.#beats.size > beats.length) this.#forgetBeats()
    return { atMs, beats }
  }

  #around(nowMs: number): readonly Sighting[] {
    const { atMs, seen } = this.#lookedAround
    if (seen.length > fleetMin && nowMs - atMs < momentMs) return seen
    this.#lookedAround = { atMs: nowMs, seen: this.#sources.sightings(nowMs) }
    return this.#lookedAround.seen
  }

  #forgetBeats(): void {
    const shown = new Set(this.#shown?.backends.map(({ name }) => name))
    for (const name of this.#beats.keys()) if (!shown.has(name)) this.#beats.delete(name)
  }

  #journal(seen: readonly Sighting[], nowMs: number): BoardJournal {
    const told = seen.filter(({ journalReachable }) => journalReachable !== null)
    const offset = Math.max(0, ...told.map(({ backend }) => backend.offset + backend.lag))
    const { atMs, offset: before } = this.#rate
    if (nowMs - atMs >= rateOverMs) {
      const grown = Number.isFinite(atMs) ? Math.max(0, offset - before) : 0
      const recordsPerSecond = grown === 0 ? 0 : Math.round((grown * 10_000) / (nowMs - atMs)) / 10
      this.#rate = { atMs: nowMs, offset, recordsPerSecond }
    }
    return { reachable: reachableIn(seen), offset, recordsPerSecond: this.#rate.recordsPerSecond }
  }
}

function mayLead({ backend }: Sighting): boolean {
  return backend.alive && !backend.active && backend.phase === 'standby' && !backend.draining
}

function mayHandOver(seen: readonly Sighting[]): boolean {
  return seen.some(({ backend }) => backend.active && backend.activeSinceMs !== null) && seen.some(mayLead)
}

function circumstancesOf(
  { name, leader }: Crash,
  seen: readonly Sighting[],
  nowMs: number,
): Omit<CrashCircumstances, 'crashesAtMs'> {
  const others = seen.filter(({ backend }) => backend.alive && backend.name !== name && backend.name !== leader?.name)
  return {
    standbys: others.filter(mayLead).map(({ backend }) => backend.name),
    starting: others.flatMap(({ backend: { name, phase, progress } }) =>
      phase === 'starting' ? [{ name, ratio: progress?.ratio ?? null }] : [],
    ),
    journalReachable: reachableIn(seen),
    nowMs,
  }
}

/** Whether any backend reaches the journal; null while none says anything. */
function reachableIn(seen: readonly Sighting[]): boolean | null {
  const said = seen.flatMap(({ journalReachable }) => (journalReachable === null ? [] : [journalReachable]))
  return said.length === 0 ? null : said.includes(true)
}
