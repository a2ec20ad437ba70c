/** The terminal: a picture that is pinned to its bottom and redrawn in place, and lines that are printed above it and stay. */
import type { createLogUpdate } from 'log-update'
import stringWidth from 'string-width'

const cursor = { hide: '\u001b[?25l', show: '\u001b[?25h' } as const
/** What is written between them is shown at once (synchronized output, DEC mode 2026); terminals that do not know it skip it. */
const together = { begin: '\u001b[?2026h', end: '\u001b[?2026l' } as const
const eraseLineAndGoUp = '\u001b[2K\u001b[1A'
const eraseLine = '\u001b[2K\r'

export interface ScreenSize {
  readonly columns: number
  /** The picture may have so many lines. */
  readonly rows: number
}

export type Draw = (size: ScreenSize) => readonly string[]

/** What it needs of `process.stdout`. */
export interface TerminalStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
  on(event: 'resize', listener: () => void): unknown
  off(event: 'resize', listener: () => void): unknown
}

export class Screen {
  readonly #stream: TerminalStream
  readonly #frameMs: number
  #draw: Draw | undefined
  #update: ReturnType<typeof createLogUpdate> | undefined
  #lines: readonly string[] = []
  /** What log-update writes is put together with the rest, so that nobody sees half of it. */
  #collected = ''
  #timer: NodeJS.Timeout | undefined

  /** Pictures are drawn at most every `frameMs`. */
  constructor(stream: TerminalStream, { frameMs = 50 }: { frameMs?: number } = {}) {
    this.#stream = stream
    this.#frameMs = frameMs
  }

  /** Whether pictures can be drawn here. */
  get live(): boolean {
    return this.#stream.isTTY === true && process.env.TERM !== 'dumb'
  }

  /** From now on what `draw` says stands at the bottom; it is asked again at each `refresh`, and when the size changes. */
  async pin(draw: Draw): Promise<void> {
    const { createLogUpdate } = await import('log-update')
    this.#update = createLogUpdate(this.#proxy() as unknown as NodeJS.WritableStream, { showCursor: true })
    this.#draw = draw
    this.#stream.on('resize', this.#onResize)
    process.on('exit', this.#restore)
    process.on('SIGTSTP', this.#onSuspend)
    process.on('SIGCONT', this.#onContinue)
    this.#flush(cursor.hide)
    this.#show()
  }

  /** What is pinned has changed. */
  refresh(): void {
    if (!this.#draw) return
    this.#timer ??= setTimeout(() => this.#show(), this.#frameMs)
  }

  /** Prints `text`, which ends with an end of line, to `output`; above the picture where that is the same terminal. */
  print(text: string, output: { isTTY?: boolean; write(text: string): unknown }): void {
    if (!this.#draw || !this.#update || !output.isTTY) return void output.write(text)
    this.#update.clear()
    this.#collected += text
    this.#show()
  }

  /** Takes the picture away, or leaves what was drawn last. */
  unpin({ keep }: { keep: boolean }): void {
    if (!this.#draw || !this.#update) return
    if (keep) this.#show()
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!keep) this.#update.clear()
    this.#draw = undefined
    this.#update = undefined
    this.#lines = []
    this.#flush(cursor.show)
    this.#stream.off('resize', this.#onResize)
    process.off('exit', this.#restore)
    process.off('SIGTSTP', this.#onSuspend)
    process.off('SIGCONT', this.#onContinue)
  }

  #show(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#draw || !this.#update) return
    const { columns, rows } = this.#size()
    // The cursor stands in the line below the picture.
    const lines = this.#draw({ columns, rows: rows - 1 }).slice(0, Math.max(1, rows - 1))
    // log-update patches what has changed; of lines that move it would lose some.
    if (lines.length !== this.#lines.length) this.#update.clear()
    // Where what has changed ends in an empty line it takes the cursor to be one line lower than it is.
    this.#update(lines.map((line) => line || ' ').join('\n'))
    this.#lines = lines
    this.#flush('')
  }

  /** A terminal that became narrower has broken the lines of the picture: they take more room than they did. */
  readonly #onResize = (): void => {
    if (!this.#update) return
    const { columns, rows } = this.#size()
    const taken = this.#lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(stringWidth(line) / columns)), 0)
    this.#update.done()
    this.#collected = `${eraseLineAndGoUp.repeat(Math.min(taken, rows - 1))}${eraseLine}`
    this.#lines = []
    this.#show()
  }

  readonly #restore = (): void => void this.#stream.write(cursor.show)

  readonly #onSuspend = (): void => {
    this.#restore()
    process.kill(process.pid, 'SIGSTOP')
  }

  /** Whoever had the terminal meanwhile has written there. */
  readonly #onContinue = (): void => {
    this.#update?.done()
    this.#lines = []
    this.#collected = cursor.hide
    this.#show()
  }

  #flush(after: string): void {
    const text = this.#collected + after
    this.#collected = ''
    if (text !== '') this.#stream.write(`${together.begin}${text}${together.end}`)
  }

  #size(): ScreenSize {
    // A terminal that does not know its size says 0.
    return { columns: this.#stream.columns || 80, rows: this.#stream.rows || 24 }
  }

  /** log-update asks for the size with each picture. */
  #proxy(): object {
    const size = () => this.#size()
    return {
      get columns() {
        return size().columns
      },
      get rows() {
        return size().rows
      },
      write: (text: string) => {
        this.#collected += text
        return true
      },
    }
  }
}

/** Standard output of this process; there is one. */
export const screen: Screen = new Screen(process.stdout)
