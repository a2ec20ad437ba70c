/** Reads a request's body up to a limit, so that the request can be sent more than once. */
import type { IncomingMessage } from 'node:http'
import { Bag, type InBag } from './bag.ts'
import { BodyPace, isTooSlow, type PaceLimits } from './body-pace.ts'

/** Bytes of bodies in memory, over all requests. */
export class BodyBudget {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** False if there is no room; nothing is taken then. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false
    this.#bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** Hears one of these, or nothing if it stops the reading. Bytes of a body that was read stay taken from the budget. */
export interface BodyListener {
  read(body: Buffer): void
  /** The limit was passed: the request stands as if nothing had been read from it. */
  tooLarge(): void
  noRoom(): void
  timedOut(): void
}

export interface BodyReadersOptions {
  /** Largest body that is read. */
  bytesMax: number
  budget: BodyBudget
  pace: PaceLimits
  /** Monotonic time, milliseconds. */
  now: () => number
}

/** How often it is looked which bodies stand still, at least once in so many pauses that are borne. */
const checksPerPause = 4
const checkIntervalMaxMs = 1_000

/** The bodies that are being read. One clock looks after all of them: most are there at once, and a timer each would cost more than they do. */
export class BodyReaders {
  readonly options: BodyReadersOptions
  readonly #reading = new Bag<BodyReader>()
  readonly #timer: NodeJS.Timeout

  constructor(options: BodyReadersOptions) {
    this.options = options
    const { pauseMaxMs } = options.pace
    this.#timer = setInterval(() => this.#check(), Math.min(checkIntervalMaxMs, pauseMaxMs / checksPerPause))
    this.#timer.unref()
  }

  /** Reads the body of `request`. */
  read(request: IncomingMessage, nowMs: number, listener: BodyListener): BodyReader {
    const reader = new BodyReader(request, nowMs, listener, this)
    this.#reading.add(reader)
    return reader
  }

  ended(reader: BodyReader): void {
    this.#reading.remove(reader)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #check(): void {
    const nowMs = this.options.now()
    for (const reader of [...this.#reading.items]) reader.check(nowMs)
  }
}

export class BodyReader implements InBag {
  bagIndex = -1
  readonly #request: IncomingMessage
  readonly #listener: BodyListener
  readonly #readers: BodyReaders
  readonly #startedMs: number
  readonly #chunks: Buffer[] = []
  #heardMs: number
  #bytes = 0
  #stopped = false
  readonly #onData = (chunk: Buffer) => this.#take(chunk)
  readonly #onEnd = () => this.#end()

  constructor(request: IncomingMessage, nowMs: number, listener: BodyListener, readers: BodyReaders) {
    this.#request = request
    this.#listener = listener
    this.#readers = readers
    this.#startedMs = nowMs
    this.#heardMs = nowMs
    request.on('data', this.#onData).on('end', this.#onEnd)
  }

  /** Reads no more, and gives back what it took from the budget. */
  stop(): void {
    if (!this.#finish()) return
    this.#readers.options.budget.give(this.#bytes)
  }

  /** Gives up if nothing came for too long. */
  check(nowMs: number): void {
    if (nowMs - this.#heardMs >= this.#readers.options.pace.pauseMaxMs) this.#timeOut()
  }

  #take(chunk: Buffer): void {
    if (this.#stopped) return
    const { budget, bytesMax, pace, now } = this.#readers.options
    if (!budget.take(chunk.length)) {
      this.#abandon()
      return this.#listener.noRoom()
    }
    this.#bytes += chunk.length
    this.#chunks.push(chunk)
    if (!this.#request.complete) {
      this.#heardMs = now()
      if (isTooSlow(pace, this.#bytes, this.#heardMs - this.#startedMs)) return this.#timeOut()
    }
    if (this.#bytes <= bytesMax) return
    this.#abandon()
    this.#request.unshift(Buffer.concat(this.#chunks))
    this.#listener.tooLarge()
  }

  #end(): void {
    // Of HTTP/2, Node ends the body that a client reset as if it were whole.
    if (this.#request.aborted) return this.stop()
    if (!this.#finish()) return
    const chunks = this.#chunks
    this.#listener.read(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
  }

  #timeOut(): void {
    this.#abandon()
    this.#listener.timedOut()
  }

  #abandon(): void {
    this.stop()
    this.#request.off('data', this.#onData).off('end', this.#onEnd).pause()
  }

  /** False if it was over already. */
  #finish(): boolean {
    if (this.#stopped) return false
    this.#stopped = true
    this.#readers.ended(this)
    return true
  }
}

export interface WatchOptions {
  pace: PaceLimits
  /** Largest body; 0 for any. */
  bytesMax: number
  /** Monotonic time, milliseconds. */
  now: () => number
}

/** Watches a body that somebody else will read, and says once if it grows too large or comes too slowly. */
export function watchBody(
  request: IncomingMessage,
  { pace, bytesMax, now }: WatchOptions,
  refuse: (problem: 'body too large' | 'body timed out') => void,
): void {
  const progress = new BodyPace(pace, bytesMax, now())
  // Not the socket's own timeout: Node would close a connection whose request has come and is read by nobody yet.
  const timer = setTimeout(() => {
    if (progress.waiting && !request.complete) end('body timed out')
  }, pace.pauseMaxMs)
  const stop = () => {
    clearTimeout(timer)
    request.off('data', onData).off('end', stop).off('close', stop).off('pause', onPause).off('resume', onResume)
  }
  const end = (problem: 'body too large' | 'body timed out') => {
    stop()
    refuse(problem)
  }
  const onData = (chunk: Buffer) => {
    timer.refresh()
    const verdict = progress.arrived(chunk.length, now())
    if (verdict !== 'goes on') end(verdict === 'too large' ? 'body too large' : 'body timed out')
  }
  const onPause = () => progress.paused(now())
  const onResume = () => {
    timer.refresh()
    progress.resumed(now())
  }
  // Whoever reads it starts it.
  request.pause()
  progress.paused(now())
  request.on('data', onData).on('end', stop).on('close', stop).on('pause', onPause).on('resume', onResume)
}
