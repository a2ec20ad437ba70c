/**
 * A thread or a process that works on a file: calls with a deadline, each answered once, and news. One that dies is replaced at the next call.
 *
 * A process for whoever holds a lock that others must get: a signal that stops a process (SIGSTOP) stops all its threads, wherever they are, and
 * with them whoever waits for their locks. A process of its own goes on, and lets go.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Transferable, Worker } from 'node:worker_threads'
import { CheckpointError, type CheckpointErrorCode } from './errors.ts'

export interface FileServantOptions<News> {
  readonly kind: 'thread' | 'process'
  /** The module that it runs, in this folder, without its ending. */
  readonly name: string
  /** What it is started with: plain data. */
  readonly data: unknown
  /** The file, for people. */
  readonly path: string
  readonly onNews: (news: News) => void
  /** A new one begins: what the last one knew is to be told again. */
  readonly onStart: () => void
}

type FromServant<News> =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly code: CheckpointErrorCode; readonly message: string }
  | { readonly news: News }

/** A thread or a process that runs. */
interface Servant {
  post(message: unknown, transfer: Transferable[]): void
  /** Resolves when it has ended. */
  end(): Promise<unknown>
  /** This program may end before it. */
  unref(): void
}

interface Waiting {
  resolve(answer: unknown): void
  reject(error: CheckpointError): void
}

/** Calls that were not answered, those that nobody waits for any more among them. A disk that hangs must not gather more. */
const unansweredMax = 64
/** How long closing may take before the servant is left alone, milliseconds. */
const closeDeadlineMs = 1_000
/** This module is source or built, and so is the servant's. */
const ending = extname(import.meta.url)

export class FileServant<Call, Note, News> {
  readonly #options: FileServantOptions<News>
  readonly #waiting = new Map<number, Waiting>()
  #servant: Servant | null = null
  #calls = 0
  #unanswered = 0
  #closed: CheckpointError | null = null

  constructor(options: FileServantOptions<News>) {
    this.#options = options
  }

  /** @throws CheckpointError what the servant says; JOURNAL_UNREACHABLE if it does not answer in time, or ended; what it was closed with. */
  call(call: Call, deadlineMs: number, transfer: Transferable[] = []): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#closed)
    const { path } = this.#options
    if (this.#unanswered >= unansweredMax)
      return Promise.reject(new CheckpointError('JOURNAL_UNREACHABLE', `the disk under ${path} does not answer`))
    return this.#ask(call, deadlineMs, transfer)
  }

  /** Tells without being answered. */
  tell(note: Note): void {
    if (this.#closed) return
    if (this.#servant) this.#servant.post({ note }, [])
    else this.#begun() // it is told all that counts as it begins, this too
  }

  /** Everything under way is rejected with `reason`; `last` is the last call, after which the servant is ended. */
  async close(last: Call, reason: CheckpointError): Promise<void> {
    if (this.#closed) return
    this.#closed = reason
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
    const servant = this.#servant
    if (!servant) return
    await this.#ask(last, closeDeadlineMs, []).catch(() => undefined) // it is ended all the same
    this.#servant = null
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closeDeadlineMs)
    })
    await Promise.race([servant.end(), deadline])
    clearTimeout(timer)
    servant.unref() // a disk that hangs must not keep this program
  }

  #ask(call: Call, deadlineMs: number, transfer: Transferable[]): Promise<unknown> {
    const servant = this.#begun()
    const id = ++this.#calls
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        this.#waiting.delete(id)
      }
      const late = `the disk under ${this.#options.path} did not answer within ${Math.round(deadlineMs)} ms`
      const timer = setTimeout(() => {
        settle()
        reject(new CheckpointError('JOURNAL_UNREACHABLE', late))
      }, deadlineMs)
      this.#waiting.set(id, {
        resolve: (answer) => {
          settle()
          resolve(answer)
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      })
      this.#unanswered++
      servant.post({ id, call }, transfer)
    })
  }

  #begun(): Servant {
    if (this.#servant) return this.#servant
    const { kind, name, data, onStart } = this.#options
    const start = kind === 'thread' ? startThread : startProcess
    const servant = start(new URL(`./${name}${ending}`, import.meta.url), data, {
      hear: (message) => this.#hear(message as FromServant<News>),
      ended: (reason) => this.#ended(servant, reason),
    })
    this.#servant = servant
    this.#unanswered = 0
    onStart()
    return servant
  }

  #hear(message: FromServant<News>): void {
    if ('news' in message) {
      if (!this.#closed) this.#options.onNews(message.news)
      return
    }
    this.#unanswered--
    const waiting = this.#waiting.get(message.id)
    if ('code' in message) waiting?.reject(new CheckpointError(message.code, message.message))
    else waiting?.resolve(message.answer)
  }

  #ended(servant: Servant, reason: string): void {
    if (this.#servant !== servant) return
    this.#servant = null
    const { kind, path } = this.#options
    const error = new CheckpointError('JOURNAL_UNREACHABLE', `the ${kind} of ${path} ended: ${reason}`)
    for (const { reject } of this.#waiting.values()) reject(error)
  }
}

interface Listeners {
  hear(message: unknown): void
  ended(reason: string): void
}

/** Node 22 says to whoever is at the terminal that node:sqlite is an experiment. */
const execArgv = ['--disable-warning=ExperimentalWarning']

function startThread(module: URL, data: unknown, { hear, ended }: Listeners): Servant {
  const worker = new Worker(module, { workerData: data, execArgv })
  worker.on('message', hear)
  worker.once('error', (error) => ended(String(error)))
  worker.once('exit', (code) => ended(`exit code ${code}`))
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    end: () => worker.terminate(),
    unref: () => worker.unref(),
  }
}

function startProcess(module: URL, data: unknown, { hear, ended }: Listeners): Servant {
  const child = fork(fileURLToPath(module), [JSON.stringify(data)], {
    execArgv,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // A session of its own: what a terminal tells us (Ctrl-C, Ctrl-Z) is not for it. It ends when we are gone.
    detached: true,
  })
  child.on('message', hear)
  child.once('error', (error) => ended(String(error)))
  child.once('exit', (code, signal) => ended(signal ? `killed by ${signal}` : `exit code ${code}`))
  return {
    post: (message) => {
      // What it does not take any more is told by its end.
      if (child.connected) child.send(message as object, () => undefined)
    },
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      if (child.connected) child.disconnect()
      await exited
    },
    unref: () => {
      child.unref()
      child.channel?.unref()
    },
  }
}
