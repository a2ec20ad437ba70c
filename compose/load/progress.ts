/** Shows on standard error where a run stands: one line that rewrites itself on a terminal, plain lines elsewhere. */
import type { LoadProgress } from './load.ts'

const terminalIntervalMs = 200

/** Where it is shown; standard error is one. */
export interface ProgressOutput {
  isTTY?: boolean
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
    const show = () => {
      const line = progressText(progress(), performance.now() - startMs)
      this.#out.write(this.#out.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
    }
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
}

/** One line of where a run stands. */
export function progressText(
  { requests, ok, errors, waiting, backend, epoch }: LoadProgress,
  elapsedMs: number,
): string {
  const seconds = (elapsedMs / 1_000).toFixed(1).padStart(5)
  const where = backend === '' ? 'no answer yet' : `${backend}, epoch ${epoch}`
  const queue = waiting > 0 ? `, ${waiting} waiting` : ''
  return `${seconds} s  ${requests} requests, ${ok} ok, ${errors} errors${queue}  (${where})`
}
