/** The board as it is now, kept up to date by what the receiver tells, and drawn at most once per frame. */
import type { Board, BoardBeats, BoardChanges } from '../board.ts'
import { type Beats, beatsOf, foldBoard } from '../fold.ts'
import { type BeatTally, noBeats, tallyBeats } from './beat-tally.ts'
import { type LinkEvent, type LinkState, nextLink } from './link-state.ts'
import { type News, newsBetween } from './news.ts'

/** What the page draws. */
export interface PageState {
  readonly link: LinkState
  /** Null until there was one. */
  readonly board: Board | null
  readonly tally: BeatTally
  /** Unix time of the receiver, milliseconds; it stands still while nothing is heard. */
  readonly nowMs: number
}

/** Heartbeats that are told together. */
export interface BeatFrame {
  readonly beats: Beats
  /** When it was made, Unix time of the receiver, and how long after the one before, milliseconds. */
  readonly atMs: number
  readonly frameMs: number
  /** How often each backend is asked for one, milliseconds. */
  readonly heartbeatMs: number
}

export interface LiveBoardPorts {
  /** Monotonic, milliseconds. */
  now(): number
  /** Something changed: `state` is to be drawn with the next frame. */
  changed(): void
  news(news: readonly News[]): void
  beats(frame: BeatFrame): void
}

export class LiveBoard {
  readonly #ports: LiveBoardPorts
  #link: LinkState = { kind: 'connecting' }
  #board: Board | null = null
  #tally: BeatTally = noBeats
  /** The receiver's clock minus ours: the largest seen, which is that of the frame that took the least time to come. */
  #aheadMs = Number.NEGATIVE_INFINITY
  #stoppedAtMs: number | null = null

  constructor(ports: LiveBoardPorts) {
    this.#ports = ports
  }

  get state(): PageState {
    return { link: this.#link, board: this.#board, tally: this.#tally, nowMs: this.nowMs() }
  }

  nowMs(): number {
    return (this.#stoppedAtMs ?? this.#ports.now()) + this.#aheadMs
  }

  takeBoard(board: Board): void {
    this.#aheadMs = Number.NEGATIVE_INFINITY
    this.#tally = noBeats
    this.#replace(board)
  }

  takeChanges(changes: BoardChanges): void {
    if (this.#board) this.#replace(foldBoard(this.#board, changes))
  }

  takeBeats(told: BoardBeats): void {
    this.#hear(told.atMs)
    if (!this.#board) return
    const beats = beatsOf(this.#board, told)
    const frameMs = this.#tally.atMs === null ? 0 : told.atMs - this.#tally.atMs
    const names = this.#board.backends.map(({ name }) => name)
    this.#tally = tallyBeats(this.#tally, names, beats, told.atMs)
    this.#ports.beats({ beats, atMs: told.atMs, frameMs, heartbeatMs: this.#board.receiver.heartbeatMs })
  }

  takeLink(event: LinkEvent): void {
    const link = nextLink(this.#link, event)
    if (link === this.#link) return
    this.#stoppedAtMs = link.kind === 'live' ? null : (this.#stoppedAtMs ?? this.#ports.now())
    this.#link = link
    this.#ports.changed()
  }

  #replace(board: Board): void {
    const news = newsBetween(this.#board, board)
    this.#board = board
    this.#hear(board.atMs)
    if (news.length > 0) this.#ports.news(news)
    this.#ports.changed()
  }

  #hear(atMs: number): void {
    this.takeLink({ type: 'heard' })
    this.#aheadMs = Math.max(this.#aheadMs, atMs - this.#ports.now())
  }
}
