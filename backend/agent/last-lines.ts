/** The last lines of what a process prints, in little memory. Pure. */

export interface LastLinesOptions {
  readonly linesMax: number
  /** Characters kept of a line: its beginning. */
  readonly lengthMax: number
}

/** Follows one stream of bytes, or several that are told apart by a key; their lines are kept in the order in which they end. */
export class LastLines {
  readonly #options: LastLinesOptions
  readonly #lines: string[] = []
  readonly #open = new Map<string, { decoder: TextDecoder; text: string }>()

  constructor(options: LastLinesOptions) {
    this.#options = options
  }

  add(stream: string, chunk: Uint8Array): void {
    const open = this.#open.get(stream) ?? { decoder: new TextDecoder(), text: '' }
    this.#open.set(stream, open)
    const parts = open.decoder.decode(chunk, { stream: true }).split(/\r\n|\n|\r/)
    for (const [index, part] of parts.entries()) {
      if (index > 0) this.#close(open)
      open.text += part.slice(0, Math.max(0, this.#options.lengthMax - open.text.length))
    }
  }

  /** The last lines, also those that have not ended; empty ones are left out. */
  get lines(): string[] {
    const open = [...this.#open.values()].map(({ text }) => text).filter(isTelling)
    return [...this.#lines, ...open].slice(-this.#options.linesMax)
  }

  #close(open: { text: string }): void {
    if (isTelling(open.text)) this.#lines.push(open.text)
    if (this.#lines.length > this.#options.linesMax) this.#lines.shift()
    open.text = ''
  }
}

function isTelling(text: string): boolean {
  return text.trim() !== ''
}
