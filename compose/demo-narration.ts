/** The demo as a person reads it on standard error: its own story, and the lines of the processes that matter. */
import { type Logger, pino } from 'pino'
import type { LogLevel } from '../checkpoint/config.ts'
import { ProgressLine } from './load/progress.ts'

const plainIntervalMs = 5_000

export class Narration {
  readonly progress = new ProgressLine({ plainIntervalMs })
  /** What is logged here becomes part of the story, from `level` on. */
  readonly log: Logger

  #starting = true
  readonly #level: number

  constructor(level: LogLevel) {
    // The first start may fetch Kafka: whoever waits wants to know for what, so more is heard than is told later.
    const heard = pino.levels.values[level]! > pino.levels.values.info! ? 'info' : level
    this.log = pino({ level: heard }, { write: (text) => this.#retell(text) })
    this.#level = pino.levels.values[level] ?? Number.POSITIVE_INFINITY
  }

  /** Everything listens: from now on only what matters is told. */
  started(): void {
    this.#starting = false
  }

  say(line: string): void {
    this.progress.say(line)
  }

  /** The story is told: of how everything ends, only errors are news. */
  end(): void {
    this.progress.stop()
    this.log.level = this.#level >= pino.levels.values.warn! ? 'error' : this.log.level
  }

  #retell(text: string): void {
    const line = JSON.parse(text) as { level: number; process?: string; event?: string; msg?: string }
    const telling = this.#starting && (line.process === 'kafka' || line.event === 'listening')
    if (line.level < this.#level && !telling) return
    const who = line.process === undefined || line.msg?.startsWith(line.process) ? '' : `${line.process}: `
    this.say(`  ${(pino.levels.labels[line.level] ?? '').padEnd(5)} ${who}${line.msg ?? ''}`)
  }
}
