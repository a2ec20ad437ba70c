/** The server as a child process: started, listened to, ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { setImmediate as immediate } from 'node:timers/promises'
import { lastLineLengthMax, lastLinesMax } from '../../heartbeat-receiver/protocol.ts'
import { BackendError } from '../errors.ts'
import { LastLines } from './last-lines.ts'
import { within } from './within.ts'

/** The last words of a process come through its pipes, which a child of its own may keep open: so long they are waited for, milliseconds. */
const lastWordsMs = 10

/** How a process ended: one of the two is not null. */
export interface ChildEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ChildOutputs {
  readonly stdout: Writable
  readonly stderr: Writable
}

export class Child {
  readonly pid: number
  /** Settles, never rejects, when it has ended and its last words are read. */
  readonly ended: Promise<ChildEnd>
  readonly #lastLines = new LastLines({ linesMax: lastLinesMax, lengthMax: lastLineLengthMax })

  /** Starts `command`. @throws BackendError COMMAND_FAILED */
  static async start(
    command: readonly [string, ...string[]],
    environment: NodeJS.ProcessEnv,
    outputs: ChildOutputs,
  ): Promise<Child> {
    const [file, ...args] = command
    // A session of its own: Ctrl-C at the terminal reaches only us, and its children end with it.
    const child = spawn(file, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    try {
      await once(child, 'spawn')
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      const reason = code === 'ENOENT' ? 'there is no such program' : message
      throw new BackendError('COMMAND_FAILED', `cannot run ${file}: ${reason}`, cause)
    }
    return new Child(child, outputs)
  }

  private constructor(child: ChildProcess, { stdout, stderr }: ChildOutputs) {
    this.pid = child.pid!
    this.#passOn('stdout', child.stdout!, stdout)
    this.#passOn('stderr', child.stderr!, stderr)
    this.ended = untilEnded(child)
  }

  /** What it printed last. */
  get lastLines(): string[] {
    return this.#lastLines.lines
  }

  /** Asks it to end, and insists after `graceMs`. True if it ended without that. */
  async stop(graceMs: number): Promise<boolean> {
    this.kill('SIGTERM')
    this.kill('SIGCONT') // a stopped process sees its SIGTERM only once it continues
    const inTime = await within(this.ended, graceMs)
    if (!inTime) this.kill('SIGKILL')
    await this.ended
    return inTime
  }

  /** Sends a signal to it and to its own children. False if none of them is left. */
  kill(signal: NodeJS.Signals): boolean {
    try {
      return process.kill(-this.pid, signal)
    } catch {
      return false
    }
  }

  #passOn(name: string, from: Readable, to: Writable): void {
    from.on('data', (chunk: Buffer) => this.#lastLines.add(name, chunk))
    from.pipe(to, { end: false })
    to.once('error', () => {
      from.unpipe(to) // nobody reads us; the server must not stop for that
      from.resume()
    })
  }
}

/** What a shell would answer with. */
export function exitCodeOf({ code, signal }: ChildEnd): number {
  return code ?? 128 + (signal ? constants.signals[signal] : 0)
}

/** For a person. */
export function describeEnd({ code, signal }: ChildEnd): string {
  return signal ? `its process was killed by ${signal}` : `its process ended with exit code ${code}`
}

async function untilEnded(child: ChildProcess): Promise<ChildEnd> {
  const closed = once(child, 'close')
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  await within(closed, lastWordsMs)
  await immediate() // on a busy machine the time is over before the pipes were looked at
  return { code, signal }
}
