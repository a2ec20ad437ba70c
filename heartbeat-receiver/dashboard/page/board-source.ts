/** The page's connection to its receiver: one `EventSource`, which the browser opens again by itself when it breaks. */

import { retryDelayMs } from './link-state.ts'
import type { LiveBoard } from './live-board.ts'

/** A stream that says nothing for so long is dead, whatever the browser believes, milliseconds. */
const silenceMaxMs = 10_000
const watchMs = 2_000

export class BoardSource {
  readonly #live: LiveBoard
  #stream: EventSource | null = null
  #heardAtMs = 0
  #attempt = 0
  #retry: ReturnType<typeof setTimeout> | undefined

  constructor(live: LiveBoard) {
    this.#live = live
    setInterval(() => this.#watch(), watchMs)
  }

  /** Opens the stream, or opens it anew. */
  open(): void {
    clearTimeout(this.#retry)
    this.#stream?.close()
    this.#heardAtMs = performance.now()
    const stream = new EventSource('/api/board/events')
    this.#stream = stream
    this.#listen(stream, 'board', (board) => this.#live.takeBoard(board))
    this.#listen(stream, 'changes', (changes) => this.#live.takeChanges(changes))
    this.#listen(stream, 'beats', (beats) => this.#live.takeBeats(beats))
    stream.addEventListener('error', () => this.#broke(stream))
  }

  // biome-ignore lint/suspicious/noExplicitAny: what our own receiver says, of the type that the event's name tells
  #listen(stream: EventSource, name: string, take: (value: any) => void): void {
    stream.addEventListener(name, (event) => {
      if (stream !== this.#stream) return
      this.#heardAtMs = performance.now()
      this.#attempt = 0
      take(JSON.parse((event as MessageEvent<string>).data))
    })
  }

  /** A broken connection is opened again by the browser; one that was refused, as with a token that is missing, is not. */
  #broke(stream: EventSource): void {
    if (stream !== this.#stream) return
    this.#live.takeLink({ type: 'broke', atMs: this.#live.nowMs() })
    if (stream.readyState === EventSource.CLOSED) void this.#askWhy()
  }

  async #askWhy(): Promise<void> {
    const session = await askSession()
    if (session) this.#live.takeLink({ type: 'session', ...session })
    if (session?.needed && !session.given) return // the form opens the stream again
    this.#retry = setTimeout(() => this.open(), retryDelayMs(this.#attempt++))
  }

  #watch(): void {
    const { kind } = this.#live.state.link
    if (kind === 'token' || this.#stream?.readyState === EventSource.CLOSED) return
    if (performance.now() - this.#heardAtMs < silenceMaxMs) return
    this.#live.takeLink({ type: 'broke', atMs: this.#live.nowMs() })
    this.open()
  }
}

/** Whether a token is needed, and whether this browser gave it; null if nobody answers. */
export async function askSession(): Promise<{ needed: boolean; given: boolean } | null> {
  try {
    const response = await fetch('/api/session', { cache: 'no-store' })
    return response.ok ? await response.json() : null
  } catch {
    return null // nobody is there: that is what null says
  }
}
