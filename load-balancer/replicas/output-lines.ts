/** What a server prints, as lines: bounded in length, in number a second, and in what is remembered. Pure. */

/** Longest line that is read, and that is passed on; the rest of a longer one is dropped. Characters. */
const readLengthMax = 8_000
const lineLengthMax = 500
/** How many lines are passed on in a second; more are counted. */
const linesPerSecondMax = 20
/** How many of the last lines a crash quotes. */
const quotedLinesMax = 5

export class OutputLines {
  #open = ''
  #secondStartedMs = Number.NEGATIVE_INFINITY
  #passed = 0
  #dropped = 0
  readonly #last: string[] = []

  /** The lines that `text` completes and that may be passed on. */
  take(text: string, nowMs: number): string[] {
    const parts = text.split('\n')
    const lines: string[] = []
    for (const [index, part] of parts.entries()) {
      this.#open = (this.#open + part.slice(0, readLengthMax)).slice(0, readLengthMax)
      if (index === parts.length - 1) break
      lines.push(...this.#complete(nowMs))
    }
    return lines
  }

  /** What stands without an end of line when there is no more to come. */
  end(nowMs: number): string[] {
    return this.#complete(nowMs)
  }

  /** The last lines, the head of a stack trace without its frames, for the message of a crash. */
  get last(): readonly string[] {
    return this.#last
  }

  #complete(nowMs: number): string[] {
    const line = readable(this.#open)
    this.#open = ''
    if (line === '') return []
    if (!/^\s+at /.test(line)) this.#last.push(line)
    if (this.#last.length > quotedLinesMax) this.#last.shift()
    return this.#passOn(line, nowMs)
  }

  #passOn(line: string, nowMs: number): string[] {
    const lines: string[] = []
    if (nowMs - this.#secondStartedMs >= 1_000) {
      if (this.#dropped > 0) lines.push(`(${this.#dropped} more lines)`)
      this.#secondStartedMs = nowMs
      this.#passed = 0
      this.#dropped = 0
    }
    if (this.#passed < linesPerSecondMax) {
      this.#passed += 1
      lines.push(line)
    } else this.#dropped += 1
    return lines
  }
}

/** The message of a line of pino's, and no character that moves a terminal's cursor. */
function readable(line: string): string {
  return messageOf(line)
    .slice(0, lineLengthMax)
    .replaceAll(/\p{Cc}/gu, ' ')
    .trimEnd()
}

function messageOf(line: string): string {
  if (!line.startsWith('{')) return line
  try {
    const { msg } = JSON.parse(line) as { msg?: unknown }
    if (typeof msg === 'string') return msg
  } catch {
    // Cut at its bound, or no JSON after all.
  }
  return line
}
