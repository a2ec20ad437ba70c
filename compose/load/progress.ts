/** Shows on standard error where a run stands: one line that rewrites itself on a terminal, plain lines elsewhere. */
import type { LoadProgress } from './load.ts'

const terminalIntervalMs = 200

/** Where it is shown; standard error is one. */
export interface ProgressOutput {
  isTTY?: boolean
  /** Width of the terminal, characters. */
  columns?: number
  write(text: string): unknown
}

export class ProgressLine {
  readonly #out: ProgressOutput
  readonly #plainIntervalMs: number
  #timer: NodeJS.Timeout | undefined

  /** Where there is no terminal, a line is written every `plainIntervalMs`. */
  constructor(options: { out?: ProgressOutput; plainIntervalMs?: number } = {}) {
    this.#out = options.out ?? process.stderr
    this.#plainIntervalMs = options.plainIntervalMs ?? 1_000
  }

  /** Begins to show. */
  start(progress: () => LoadProgress): void {
    const startMs = performance.now()
    const show = () => this.#show(progressText(progress(), performance.now() - startMs))
    this.#timer = setInterval(show, this.#out.isTTY ? terminalIntervalMs : this.#plainIntervalMs)
  }

  /** Writes a line that stays. */
  say(line: string): void {
    this.#out.write(this.#out.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`)
  }

  /** Ends it and clears the line. */
  stop(): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    if (this.#out.isTTY) this.#out.write('\r\x1b[K')
  }

  #show(line: string): void {
    // A line that wraps cannot be rewritten: it would fill the screen. A terminal that does not know its width says 0.
    const width = (this.#out.columns || 80) - 1
    this.#out.write(this.#out.isTTY ? `\r\x1b[K${line.slice(0, width)}` : `${line}\n`)
  }
}

/** How many backends a line names. */
const backendsShown = 6

/** One line of where a run stands. */
export function progressText(progress: LoadProgress, elapsedMs: number): string {
  const { requests, ok, errors, waiting } = progress
  const seconds = (elapsedMs / 1_000).toFixed(1).padStart(5)
  const queue = waiting > 0 ? `, ${waiting} waiting` : ''
  return `${seconds} s  ${requests} requests, ${ok} ok, ${errors} errors${queue}  (${whereText(progress)})`
}

/** Who answers: the active and its epoch, or how many answers each backend gave where nobody is the active. */
function whereText({ ok, backend, epoch, backends }: LoadProgress): string {
  if (ok === 0) return 'no answer yet'
  if (epoch > 0) return `${backend}, epoch ${epoch}`
  const counts = Object.entries(backends).sort(([left], [right]) => (left < right ? -1 : 1))
  if (counts.length === 0) return 'answers name no backend'
  const shown = counts.slice(0, backendsShown).map(([name, count]) => `${name} ${count}`)
  return [...shown, ...(counts.length > backendsShown ? [`${counts.length - backendsShown} more`] : [])].join(', ')
}
