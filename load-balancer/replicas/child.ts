/** One child process: its lines to the log, its end in one line, asked to end and then made to. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { OutputLines } from './output-lines.ts'

/** How long the last lines may come after the end: a grandchild can hold the pipe for ever. */
const lastWordsMs = 200

export interface ChildSpec {
  /** Of the server, for the log. */
  readonly name: string
  readonly program: string
  readonly words: readonly string[]
  /** Added to this process's own environment. */
  readonly environment?: Readonly<Record<string, string>>
  readonly log: Logger
}

export class Child {
  readonly #name: string
  readonly #process: ChildProcess
  readonly #log: Logger
  /** Settles, never rejects, with the reason of its end in one line. */
  readonly exited: Promise<string>
  #alive = true
  #signalled = false

  /** Starts it in a group of its own: Ctrl-C at the terminal reaches only us, and what it starts itself ends with it. */
  constructor({ name, program, words, environment, log }: ChildSpec) {
    this.#name = name
    this.#log = log
    this.#process = spawn(program, words, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const lines = this.#forward()
    this.exited = this.#end().then((reason) => `${reason}${quote(lines.last)}`)
  }

  /** Undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid
  }

  /** True if a signal ended it. */
  get signalled(): boolean {
    return this.#signalled
  }

  /** Sends a signal to it and to what it started. */
  kill(signal: NodeJS.Signals): void {
    if (!this.#alive) return
    this.#signalGroup(signal)
  }

  /** Asks it to end (SIGTERM), insists after `graceMs` (SIGKILL), resolves when it has ended. */
  async stop(graceMs: number): Promise<void> {
    this.kill('SIGTERM')
    // A stopped process sees its SIGTERM only once it continues.
    this.kill('SIGCONT')
    const insist = setTimeout(() => {
      this.#log.warn(
        { event: 'killed', backend: this.#name, graceMs },
        `${this.#name} did not end in time and is killed`,
      )
      this.kill('SIGKILL')
    }, graceMs)
    await this.exited
    clearTimeout(insist)
  }

  async #end(): Promise<string> {
    const closed = once(this.#process, 'close').catch(() => undefined)
    const reason = await new Promise<string>((resolve) => {
      this.#process.once('exit', (code, signal) => {
        this.#signalled = signal !== null
        resolve(signal ? `was killed by ${signal}` : `ended with exit code ${code}`)
      })
      this.#process.on('error', (error) => {
        if (this.pid === undefined) resolve(`could not be started: ${error.message}`)
        else this.#log.warn({ backend: this.#name, error: error.message }, `${this.#name} could not be signalled`)
      })
    })
    this.#alive = false
    // What it started must not outlive it, nor hold its port.
    if (this.pid !== undefined) this.#signalGroup('SIGKILL')
    await Promise.race([closed, pause(lastWordsMs)])
    this.#process.stdout?.destroy()
    this.#process.stderr?.destroy()
    return reason
  }

  #signalGroup(signal: NodeJS.Signals): void {
    if (this.pid === undefined) return
    try {
      process.kill(-this.pid, signal)
    } catch (error) {
      // Nobody of the group is left.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  #forward(): OutputLines {
    const lines = new OutputLines()
    for (const stream of ['stdout', 'stderr'] as const) {
      const output = this.#process[stream]
      output?.setEncoding('utf8')
      output?.on('data', (text: string) => this.#say(lines.take(text, performance.now()), stream))
      output?.on('close', () => this.#say(lines.end(performance.now()), stream))
    }
    return lines
  }

  #say(lines: readonly string[], stream: 'stdout' | 'stderr'): void {
    for (const line of lines) this.#log.info({ event: 'output', backend: this.#name, stream }, `${this.#name}: ${line}`)
  }
}

function quote(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `; its last lines: ${lines.join(' | ')}`
}
