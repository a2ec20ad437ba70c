/** The demo as a person reads it on standard error: its own story, and the lines of the processes that matter; on a terminal, a live view below it. */
import { type Logger, pino } from 'pino'
import type { LogLevel } from '../checkpoint/config.ts'
import { readable } from '../heartbeat-receiver/readable-text.ts'
import type { ToldCrash } from './crash-block.ts'
import { crashOfLine, crashText } from './crash-line.ts'
import { BoardView } from './live/board-view.ts'
import { screen } from './live/screen.ts'
import { terminalPaint } from './live/terminal-paint.ts'
import type { LoadProgress } from './load/load.ts'
import { ProgressLine, progressText } from './load/progress.ts'
import { receiverHttp } from './receiver-http.ts'

const plainIntervalMs = 5_000
/** Lines of the terminal that the live view leaves to the story. */
const storyRows = 9
/** Nothing is advised about what crashed so soon after it was killed on purpose. */
const onPurposeMs = 5_000

interface StoryLine {
  readonly level: number
  readonly time: number
  readonly process?: string
  readonly event?: string
  readonly msg?: string
  readonly backend?: string
}

export class Narration {
  /** What is logged here becomes part of the story, from `level` on. */
  readonly log: Logger

  readonly #progress = new ProgressLine({ plainIntervalMs })
  readonly #live: boolean
  readonly #killedAtMs = new Map<string, number>()
  readonly #level: number
  readonly #paint = terminalPaint(process.stderr)
  #starting = true
  #view: BoardView | undefined
  #footer: (() => string) | undefined
  #load: (() => LoadProgress) | undefined

  /** `live` where a live view is wanted; it is drawn only on a terminal. */
  constructor(level: LogLevel, { live }: { live: boolean }) {
    // The first start may fetch Kafka: whoever waits wants to know for what, so more is heard than is told later.
    const heard = pino.levels.values[level]! > pino.levels.values.info! ? 'info' : level
    this.log = pino({ level: heard }, { write: (text) => this.#retell(text) })
    this.#level = pino.levels.values[level] ?? Number.POSITIVE_INFINITY
    this.#live = live && screen.live
  }

  /** The receiver listens: its dashboard can be opened, and its board be drawn. */
  follow(receiver: string): void {
    this.say(`the dashboard: ${receiverHttp(receiver)}/`)
    if (!this.#live) return
    const view = new BoardView({
      ...{ source: { receivers: [receiver] }, screen, colours: terminalPaint(process.stdout) },
      ...{ rowsLeft: storyRows, crashes: false, footer: () => this.#footer?.() },
    })
    this.#view = view
    view.start().catch((error: Error) => {
      this.#view = undefined
      this.say(`no live view: ${error.message}`)
      if (this.#load) this.#progress.start(this.#load)
    })
  }

  /** Everything listens: from now on only what matters is told. */
  started(): void {
    this.#starting = false
  }

  /** Shows where the load stands. */
  startProgress(progress: () => LoadProgress): void {
    const startMs = performance.now()
    this.#load = progress
    if (this.#view) this.#footer = () => progressText(progress(), performance.now() - startMs)
    else this.#progress.start(progress)
  }

  stopProgress(): void {
    this.#load = undefined
    this.#footer = undefined
    this.#progress.stop()
  }

  readonly say = (line: string): void => {
    if (this.#view) screen.print(`${line}\n`, process.stderr)
    else this.#progress.say(line)
  }

  /** The end of it, on standard output. */
  conclude(text: string): void {
    this.#endView()
    process.stdout.write(`${text}\n`)
  }

  /** That backend is killed on purpose. */
  killed(name: string): void {
    this.#killedAtMs.set(name, performance.now())
  }

  /** The story is told: of how everything ends, only errors are news. */
  end(): void {
    this.stopProgress()
    this.#endView()
    this.log.level = this.#level >= pino.levels.values.warn! ? 'error' : this.log.level
  }

  #endView(): void {
    this.#view?.stop({ keep: false })
    this.#view = undefined
  }

  #retell(text: string): void {
    const line = JSON.parse(text) as StoryLine
    const telling = this.#starting && (line.process === 'kafka' || line.event === 'listening')
    if (line.level < this.#level && !telling) return
    const crash = process.stderr.isTTY ? crashOfLine({ ...line }) : undefined
    if (crash) return this.#tellCrash(crash, line)
    const who = line.process === undefined || line.msg?.startsWith(line.process) ? '' : `${line.process}: `
    this.say(`  ${(pino.levels.labels[line.level] ?? '').padEnd(5)} ${who}${readable(line.msg ?? '')}`)
  }

  #tellCrash(crash: ToldCrash, { backend = '', time }: StoryLine): void {
    const onPurpose = performance.now() - (this.#killedAtMs.get(backend) ?? Number.NEGATIVE_INFINITY) < onPurposeMs
    const told = onPurpose ? { ...crash, advice: null } : crash
    this.say(crashText(told, time, { columns: process.stderr.columns || 80 }, this.#paint).slice(0, -1))
  }
}
