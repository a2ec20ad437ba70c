/** The live view of an installation at the bottom of the terminal. */
import type { Board, BoardBeats } from '../../heartbeat-receiver/dashboard/board.ts'
import { beatsOf } from '../../heartbeat-receiver/dashboard/fold.ts'
import { drawBoard } from './draw-board.ts'
import { type BoardNews, type BoardSource, followBoard } from './follow-board.ts'
import { type Paint, painted, piece } from './picture.ts'
import { noPulses, type Pulses, pulsesAfter } from './pulses.ts'
import type { Screen } from './screen.ts'

/** Ages of things are shown in seconds. */
const clockMs = 1_000

export interface BoardViewOptions {
  readonly source: Omit<BoardSource, 'signal'>
  readonly screen: Screen
  readonly colours: Paint
  /** Lines of the terminal that are left for what is printed above; default none but the one of the cursor. */
  readonly rowsLeft?: number
  /** Whether the view shows crashes; default true. */
  readonly crashes?: boolean
  /** Stands below the board. */
  readonly footer?: () => string | undefined
  /** For whatever else follows the board. */
  readonly onNews?: (news: BoardNews) => void
}

export class BoardView {
  readonly #options: BoardViewOptions
  readonly #ending = new AbortController()
  #board: Board | undefined
  #notice: string | null = null
  #pulses: Pulses = noPulses
  #clock: NodeJS.Timeout | undefined

  constructor(options: BoardViewOptions) {
    this.#options = options
  }

  /** Shows the board until `stop`. Rejects if a receiver will not show one. */
  async start(): Promise<void> {
    const { source, screen } = this.#options
    await screen.pin(({ columns, rows }) => this.#draw(columns, rows))
    if (this.#ending.signal.aborted) return screen.unpin({ keep: false }) // stopped when there was nothing to unpin yet
    this.#clock = setInterval(() => screen.refresh(), clockMs)
    try {
      await followBoard({ ...source, signal: this.#ending.signal }, (news) => this.#take(news))
    } finally {
      this.stop({ keep: false })
    }
  }

  /** Ends it; what was drawn last stays, or goes. */
  stop({ keep }: { keep: boolean }): void {
    clearInterval(this.#clock)
    if (this.#ending.signal.aborted) return
    this.#ending.abort()
    this.#options.screen.unpin({ keep })
  }

  #take(news: BoardNews): void {
    switch (news.type) {
      case 'board':
        this.#board = news.board
        this.#notice = null
        this.#pulses = noPulses
        break
      case 'changes':
        this.#board = news.board
        break
      case 'beats':
        this.#takeBeats(news.beats)
        break
      case 'lost':
        this.#notice = `${news.receiver} ${news.reason}; looking for a receiver …`
        break
      case 'waiting':
        this.#notice = `${news.reason}; trying again …`
        break
    }
    this.#options.screen.refresh()
    this.#options.onNews?.(news)
  }

  #takeBeats(beats: BoardBeats): void {
    if (!this.#board) return
    const names = this.#board.backends.map(({ name }) => name)
    this.#pulses = pulsesAfter(this.#pulses, beatsOf(this.#board, beats), names)
  }

  #draw(columns: number, rows: number): string[] {
    const { colours, rowsLeft = 0, crashes = true, footer } = this.#options
    const below = footer?.()
    const room = Math.max(4, rows - rowsLeft - (below === undefined ? 0 : 2))
    const board = this.#board
      ? drawBoard(this.#board, {
          ...{ columns, rows: room, nowMs: Date.now(), colours },
          ...{ pulses: this.#pulses, notice: this.#notice, crashes },
        })
      : [painted([piece('Heartline  ', 'strong'), piece(this.#notice ?? 'waiting for a receiver …')], colours)]
    return below === undefined ? board : [...board, '', below]
  }
}
