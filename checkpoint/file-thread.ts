/** A thread that works on a file: calls with a deadline, each answered once, and news. One that dies is replaced at the next call. */
import { extname } from 'node:path'
import { type Transferable, Worker } from 'node:worker_threads'
import { CheckpointError, type CheckpointErrorCode } from './errors.ts'

export interface FileThreadOptions<News> {
  /** The module that it runs, in this folder, without its ending. */
  readonly name: string
  /** What it is started with. */
  readonly data: unknown
  /** The file, for people. */
  readonly path: string
  readonly onNews: (news: News) => void
  /** A new thread begins: what the last one knew is to be told again. */
  readonly onStart: () => void
}

type FromThread<News> =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly code: CheckpointErrorCode; readonly message: string }
  | { readonly news: News }

interface Waiting {
  resolve(answer: unknown): void
  reject(error: CheckpointError): void
}

/** Calls that the thread has not answered, those that nobody waits for any more among them. A disk that hangs must not gather more. */
const unansweredMax = 64
/** How long closing may take before the thread is left alone, milliseconds. */
const closeDeadlineMs = 1_000
/** This module is source or built, and so is the thread's. */
const ending = extname(import.meta.url)

export class FileThread<Call, Note, News> {
  readonly #options: FileThreadOptions<News>
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | null = null
  #calls = 0
  #unanswered = 0
  #closed: CheckpointError | null = null

  constructor(options: FileThreadOptions<News>) {
    this.#options = options
  }

  /** @throws CheckpointError what the thread says; JOURNAL_UNREACHABLE if it does not answer in time, or ended; what it was closed with. */
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
    const worker = this.#worker
    if (worker) worker.postMessage({ note })
    else this.#thread() // it is told all that counts as it begins, this too
  }

  /** Everything under way is rejected with `reason`; `last` is the last call, after which the thread is ended. */
  async close(last: Call, reason: CheckpointError): Promise<void> {
    if (this.#closed) return
    this.#closed = reason
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
    const worker = this.#worker
    if (!worker) return
    await this.#ask(last, closeDeadlineMs, []).catch(() => undefined) // it is ended all the same
    this.#worker = null
    worker.unref()
    await Promise.race([worker.terminate(), new Promise((done) => setTimeout(done, closeDeadlineMs).unref())])
  }

  #ask(call: Call, deadlineMs: number, transfer: Transferable[]): Promise<unknown> {
    const worker = this.#thread()
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
      worker.postMessage({ id, call }, transfer)
    })
  }

  #thread(): Worker {
    if (this.#worker) return this.#worker
    const { name, data, onStart } = this.#options
    const worker = new Worker(new URL(`./${name}${ending}`, import.meta.url), {
      workerData: data,
      execArgv: ['--disable-warning=ExperimentalWarning'], // Node 22 says so of node:sqlite to whoever is at the terminal
    })
    this.#worker = worker
    this.#unanswered = 0
    worker.on('message', (message: FromThread<News>) => this.#hear(message))
    worker.once('error', (error) => this.#ended(worker, String(error)))
    worker.once('exit', (code) => this.#ended(worker, `exit code ${code}`))
    onStart()
    return worker
  }

  #hear(message: FromThread<News>): void {
    if ('news' in message) {
      if (!this.#closed) this.#options.onNews(message.news)
      return
    }
    this.#unanswered--
    const waiting = this.#waiting.get(message.id)
    if ('code' in message) waiting?.reject(new CheckpointError(message.code, message.message))
    else waiting?.resolve(message.answer)
  }

  #ended(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return
    this.#worker = null
    const { path } = this.#options
    const error = new CheckpointError('JOURNAL_UNREACHABLE', `the thread of ${path} ended: ${reason}`)
    for (const { reject } of this.#waiting.values()) reject(error)
  }
}
