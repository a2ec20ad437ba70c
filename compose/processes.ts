/** Named child processes of one parent: started until they listen, watched, killed, started again, ended in order. */
import { type ChildProcess, spawn } from 'node:child_process'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { OrphanGuard } from '../load-balancer/replicas/orphan-guard.ts'
import { ComposeError } from './errors.ts'

const mainPath = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url))
/** How many of a child's last lines an error quotes, and how much of each. */
const quotedLines = 5
const quotedLineLengthMax = 500
/** What a process said so shortly before its end may be why it ended, milliseconds. */
const lastWordsMs = 2_000
/** How many such lines are told. */
const lastWordsMax = 8
const stackFrame = /^\s+at /
const errorLevel = 50
/** Default for how long a child may take to listen. Long, because a first start may have to fetch Kafka. */
const readyTimeoutMs = 180_000
/** Longer than a child's own deadline for an orderly close, so that this is the last resort. */
const stopGraceMs = 12_000

/** One line of a child's log: pino's JSON, or `{ msg }` if the line was not JSON. */
export type LogLine = Record<string, unknown>

export interface ProcessSpec {
  /** Unique among the living processes of one {@link Processes}. */
  name: string
  /** What follows `node compose/main.ts`: the command and its flags. */
  args: string[]
  /** Added to this process's own environment. Secrets go here, never into `args`, which every user of the machine can read. */
  env?: Record<string, string | undefined>
  /** What this child runs before its args, where it is not what the others run: such as a command that puts it into a network of its own. */
  command?: readonly [string, ...string[]]
  /** Gets every line that the child prints. */
  onLine?: (line: LogLine) => void
  /** How long it may take to listen before it is killed and `start` rejects. Default 180 s. */
  readyTimeoutMs?: number
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface ManagedProcess {
  readonly name: string
  readonly pid: number
  /** `url` of its `listening` line. */
  readonly url?: string
  /** The whole `listening` line, such as `adminUrl` of a balancer or `brokers` of Kafka. */
  readonly listening: LogLine
  /** Settles, never rejects, when the process has ended. */
  readonly exited: Promise<Exit>
  /** True until it has ended. */
  readonly alive: boolean
  /** Sends a signal; false if it has ended. */
  kill(signal: NodeJS.Signals): boolean
}

interface Running {
  spec: ProcessSpec
  child: ChildProcess
  exited: Promise<Exit>
  exit: Exit | undefined
  /** True once we asked it to end, so that its end is no news. */
  expected: boolean
  /** The last lines that may say why it ends, and when they came. */
  readonly lastWords: { readonly text: string; readonly atMs: number }[]
}

export class Processes {
  readonly #log: Logger
  readonly #command: [string, ...string[]]
  readonly #guard: OrphanGuard
  readonly #running = new Map<string, Running>()
  readonly #managed = new Map<string, ManagedProcess>()

  /** `command` is what each child runs before its args; default this Node and `compose/main.ts`. */
  constructor(options: { log: Logger; command?: [string, ...string[]] }) {
    this.#log = options.log
    this.#command = options.command ?? [process.execPath, mainPath]
    this.#guard = new OrphanGuard({ log: options.log })
  }

  /** Resolves once it logged `"event":"listening"`; rejects with its last lines if it ends before, or is too slow. */
  async start(spec: ProcessSpec): Promise<ManagedProcess> {
    if (this.#running.get(spec.name)?.exit === undefined && this.#running.has(spec.name))
      throw new ComposeError('NAME_RUNNING', `${spec.name} is still running; stop it before starting it again`)
    const [file, ...before] = spec.command ?? this.#command
    // A session of its own: Ctrl-C at the terminal reaches only us, and we end the children in order.
    const child = spawn(file, [...before, ...spec.args], {
      env: { ...process.env, ...spec.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const running: Running = {
      spec,
      child,
      exited: this.#watchExit(spec.name, child),
      exit: undefined,
      expected: false,
      lastWords: [],
    }
    this.#running.set(spec.name, running)
    void running.exited.then((exit) => this.#onExit(running, exit))
    if (child.pid !== undefined) this.#guard.add(child.pid)
    const listening = await this.#untilListening(running)
    const managed = manage(running, listening)
    this.#managed.set(spec.name, managed)
    return managed
  }

  /** The process last started under this name, if it got as far as listening. */
  get(name: string): ManagedProcess | undefined {
    return this.#managed.get(name)
  }

  /** What the process of this name said just now that may be why it ended: errors in its log, and what is no log at all. */
  lastWords(name: string): string[] {
    const sinceMs = performance.now() - lastWordsMs
    const words = this.#running.get(name)?.lastWords ?? []
    return words.filter(({ atMs }) => atMs >= sinceMs).map(({ text }) => text)
  }

  /** Names in the order of their first start. */
  names(): string[] {
    return [...this.#running.keys()]
  }

  /** Starts an ended process again, as it was started last but for `changes`: such as the command of another version. */
  async restart(name: string, changes: Pick<ProcessSpec, 'command'> = {}): Promise<ManagedProcess> {
    const running = this.#running.get(name)
    if (!running) throw new ComposeError('PROCESS_ENDED', `${name} was never started`)
    return this.start({ ...running.spec, ...changes })
  }

  /** Asks it to end (SIGTERM), insists after `graceMs` (SIGKILL), resolves when it has ended. Nothing to do is fine. */
  async stop(name: string, graceMs: number = stopGraceMs): Promise<void> {
    const running = this.#running.get(name)
    if (!running || running.exit) return
    running.expected = true
    running.child.kill('SIGTERM')
    // A stopped process sees its SIGTERM only once it continues.
    running.child.kill('SIGCONT')
    const insist = setTimeout(() => {
      this.#log.warn({ process: name, graceMs }, `${name} did not end in time and is killed`)
      running.child.kill('SIGKILL')
    }, graceMs)
    await running.exited
    clearTimeout(insist)
  }

  /** Ends all: first the groups of `order`, one group after the other, then the rest, last started first. */
  async stopAll(order: string[][] = []): Promise<void> {
    for (const group of order) await Promise.all(group.map((name) => this.stop(name)))
    for (const name of this.names().reverse()) await this.stop(name)
    await this.#guard.close()
  }

  #watchExit(name: string, child: ChildProcess): Promise<Exit> {
    return new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }))
      child.once('error', (error) => {
        this.#log.error({ process: name, error: error.message }, `${name} cannot be started`)
        if (child.pid === undefined) resolve({ code: null, signal: null })
      })
    })
  }

  #onExit(running: Running, exit: Exit): void {
    running.exit = exit
    if (running.child.pid !== undefined) this.#guard.remove(running.child.pid)
    const { name } = running.spec
    const fields = { event: 'exited', process: name, pid: running.child.pid, ...exit }
    if (running.expected) return this.#log.info(fields, `${name} ended`)
    this.#log.error(fields, `${name} ${describeExit(exit)}`)
  }

  #untilListening(running: Running): Promise<LogLine> {
    const { spec, child } = running
    const last: string[] = []
    const limitMs = spec.readyTimeoutMs ?? readyTimeoutMs
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        running.expected = true
        child.kill('SIGKILL')
        reject(new ComposeError('PROCESS_NOT_READY', `${spec.name} did not listen within ${limitMs} ms${quote(last)}`))
      }, limitMs)
      const onText = (text: string, stream: 'stdout' | 'stderr') => {
        const line = parseLine(text)
        // The head of a stack trace says what is wrong; its frames would push that out.
        if (!stackFrame.test(text)) last.push(describeLine(line))
        if (last.length > quotedLines) last.shift()
        if (stream === 'stderr' || Number(line.level) >= errorLevel) noteLastWord(running, describeLine(line))
        this.#forward(spec.name, line, stream)
        spec.onLine?.(line)
        if (line.event !== 'listening') return
        clearTimeout(timer)
        resolve(line)
      }
      const closed = (['stdout', 'stderr'] as const).map((stream) => {
        const lines = createInterface({ input: child[stream]!, crlfDelay: Number.POSITIVE_INFINITY })
        lines.on('line', (text) => onText(text, stream))
        return new Promise<void>((done) => lines.once('close', done))
      })
      // The last words of a child arrive after its end; its streams end with it.
      void running.exited.then(async (exit) => {
        await Promise.all(closed)
        clearTimeout(timer)
        reject(new ComposeError('PROCESS_ENDED', `${spec.name} ${describeExit(exit)}${quote(last)}`))
      })
    })
  }

  #forward(name: string, line: LogLine, stream: 'stdout' | 'stderr'): void {
    const { level, time: _time, pid: _pid, hostname: _hostname, msg, ...fields } = line
    const label = typeof level === 'number' ? this.#log.levels.labels[level] : undefined
    const method = (label ?? (stream === 'stderr' ? 'warn' : 'info')) as 'info'
    this.#log[method]({ process: name, ...fields, ...this.#lastLinesOf(line) }, typeof msg === 'string' ? msg : '')
  }

  /** Who tells of a crash need not know what the crashed process said: its parent does. */
  #lastLinesOf({ event, backend, lastLines }: LogLine): { lastLines?: string[] } {
    if (event !== 'crashed' || lastLines !== undefined) return {}
    const words = this.lastWords(String(backend))
    return words.length === 0 ? {} : { lastLines: words }
  }
}

/** Of a stack, the first frame alone: it says where. */
function noteLastWord({ lastWords }: Running, text: string): void {
  if (stackFrame.test(text) && stackFrame.test(lastWords.at(-1)?.text ?? '')) return
  lastWords.push({ text, atMs: performance.now() })
  if (lastWords.length > lastWordsMax) lastWords.shift()
}

function manage(running: Running, listening: LogLine): ManagedProcess {
  return {
    name: running.spec.name,
    pid: running.child.pid!,
    ...(typeof listening.url === 'string' ? { url: listening.url } : {}),
    listening,
    exited: running.exited,
    get alive() {
      return running.exit === undefined
    },
    kill: (signal) => running.exit === undefined && running.child.kill(signal),
  }
}

function parseLine(text: string): LogLine {
  try {
    const line: unknown = JSON.parse(text)
    if (typeof line === 'object' && line !== null && !Array.isArray(line)) return line as LogLine
  } catch {
    // Not every line is pino's: a stack trace of a crash, a warning of Node.
  }
  return { msg: text }
}

function describeLine(line: LogLine): string {
  return String(line.msg ?? JSON.stringify(line)).slice(0, quotedLineLengthMax)
}

function describeExit({ code, signal }: Exit): string {
  if (signal) return `was killed by ${signal}`
  return code === null ? 'could not be started' : `ended with exit code ${code}`
}

function quote(lines: string[]): string {
  return lines.length === 0 ? '' : `; its last lines: ${lines.join(' | ')}`
}
