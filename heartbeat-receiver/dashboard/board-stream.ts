/**
 * `GET /api/board/events`: the board as server-sent events (HTML Living Standard 9.2). A shell around `board-keeper.ts`. Each frame is made and
 * written out once for all who watch; while nobody does, nothing is.
 */
import type { ServerResponse } from 'node:http'
import type { BoardKeeper } from './board-keeper.ts'
import { trafficIntervalMs } from './fold.ts'

const clientsMax = 64
/** A client that reads so slowly that this much waits for it, beside one frame, is let go; it may come back for a whole board, bytes. */
const bufferedBytesMax = 1024 * 1024
/** Figures are told this often, milliseconds. */
export const changesIntervalMs = 250
/** Heartbeats are told this often, also if there were none: a silence means that something is wrong. Milliseconds. */
export const beatsIntervalMs = 200
/** What matters is told so soon, together with what else happens until then, milliseconds. */
const urgentDelayMs = 10
/** And no sooner than this after the last frame: when many backends are lost at once, each changes the whole list. Milliseconds. */
const urgentPauseMs = 40

export class BoardStream {
  readonly #keeper: BoardKeeper
  readonly #now: () => number
  readonly #clients = new Set<ServerResponse>()
  readonly #traffic: NodeJS.Timeout
  #timers: NodeJS.Timeout[] = []
  #urgent: NodeJS.Timeout | null = null
  /** The largest frame since somebody watches: the whole board of many backends is above any fixed limit. Bytes. */
  #frameBytes = 0
  #toldAtMs = Number.NEGATIVE_INFINITY
  #closed = false

  /** `now` is monotonic, in Unix milliseconds. */
  constructor(keeper: BoardKeeper, now: () => number) {
    this.#keeper = keeper
    this.#now = now
    this.#traffic = setInterval(() => keeper.tick(now()), trafficIntervalMs)
    this.#traffic.unref()
  }

  /** Begins with the whole board. False if there are too many clients. */
  serve(response: ServerResponse): boolean {
    if (this.#closed || this.#clients.size >= clientsMax) return false
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write('retry: 1000\n\n')
    this.#tellChanges() // the others: what comes next is the difference to what this one is shown
    response.write(this.#frame(eventText('board', this.#keeper.watch(this.#now()))))
    this.#clients.add(response)
    if (this.#clients.size === 1) this.#begin()
    response.once('close', () => this.#left(response))
    return true
  }

  /** Something is to be seen at once. */
  urgent(): void {
    if (this.#clients.size === 0 || this.#urgent) return
    const pauseMs = this.#toldAtMs + urgentPauseMs - this.#now()
    this.#urgent = setTimeout(
      () => {
        this.#urgent = null
        this.#tellChanges()
      },
      Math.max(urgentDelayMs, pauseMs),
    )
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#traffic)
    this.#rest()
    for (const client of this.#clients) client.end()
  }

  #begin(): void {
    this.#timers = [
      setInterval(() => this.#tellChanges(), changesIntervalMs),
      setInterval(() => this.#write(eventText('beats', this.#keeper.beats(this.#now()))), beatsIntervalMs),
    ]
  }

  #left(response: ServerResponse): void {
    this.#clients.delete(response)
    if (this.#clients.size === 0) this.#rest()
  }

  #rest(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
    if (this.#urgent) clearTimeout(this.#urgent)
    this.#urgent = null
    this.#frameBytes = 0
    this.#keeper.rest()
  }

  #tellChanges(): void {
    const nowMs = this.#now()
    const changes = this.#keeper.changes(nowMs)
    if (!changes) return
    this.#toldAtMs = nowMs
    this.#write(eventText('changes', changes))
  }

  #write(text: string): void {
    const bufferedMax = bufferedBytesMax + this.#frameBytes
    const bytes = this.#frame(text) // once for all
    for (const client of this.#clients) {
      if (client.writableLength > bufferedMax) client.destroy()
      else client.write(bytes)
    }
  }

  #frame(text: string): Buffer {
    const bytes = Buffer.from(text)
    this.#frameBytes = Math.max(this.#frameBytes, bytes.length)
    return bytes
  }
}

function eventText(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
