/** The demo as a person reads it on standard error: its own story, and the lines of the processes that matter. */
import { type Logger, pino } from 'pino'
import { ProgressLine } from './load/progress.ts'
import type { LogLevel } from './logger.ts'

const plainIntervalMs = 5_000

export class Narration {
  readonly progress = new ProgressLine({ plainIntervalMs })
  /** What is logged here becomes part of the story, from `level` on. */
  readonly log: Logger

  constructor(level: LogLevel) {
    this.log = pino({ level }, { write: (text) => this.#retell(text) })
  }

  say(line: string): void {
    this.progress.say(line)
  }

  /** The story is told: of how everything ends, only errors are news. */
  end(): void {
    this.progress.stop()
    if (this.log.levels.values[this.log.level]! >= this.log.levels.values.warn!) this.log.level = 'error'
  }

  #retell(text: string): void {
    const { level, process: name, msg } = JSON.parse(text) as { level: number; process?: string; msg?: string }
    const label = this.log.levels.labels[level] ?? 'info'
    const who = name === undefined || msg?.startsWith(name) ? '' : `${name}: `
    this.say(`  ${label.padEnd(5)} ${who}${msg ?? ''}`)
  }
}
