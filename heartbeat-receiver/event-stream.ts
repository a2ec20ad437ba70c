/** `GET /api/events`: what happens, as server-sent events (HTML Living Standard 9.2). */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ReceiverEvent } from './protocol.ts'

/** Events kept for those who come later. */
const replayMax = 100
const clientsMax = 64
/** A client that reads so slowly is let go; it may come back and say where it was. */
const bufferedBytesMax = 256 * 1024
/** A comment this often keeps middleboxes from closing an idle stream, milliseconds. */
const keepAliveMs = 15_000

export class EventStream {
  readonly #clients = new Set<ServerResponse>()
  readonly #kept: { id: number; text: string }[] = []
  readonly #keepAlive: NodeJS.Timeout
  #lastId = 0

  constructor() {
    this.#keepAlive = setInterval(() => this.#write(': still here\n\n'), keepAliveMs)
    this.#keepAlive.unref()
  }

  publish(event: ReceiverEvent): void {
    const id = ++this.#lastId
    const text = `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
    this.#kept.push({ id, text })
    if (this.#kept.length > replayMax) this.#kept.shift()
    this.#write(text)
  }

  /** Begins with the last events, or with those after `Last-Event-ID`. False if there are too many clients. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#clients.size >= clientsMax) return false
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    const after = Number(request.headers['last-event-id'] ?? 0)
    const missed = this.#kept.filter(({ id }) => !(id <= after && after <= this.#lastId))
    response.write(`retry: 1000\n\n${missed.map(({ text }) => text).join('')}`)
    this.#clients.add(response)
    response.once('close', () => this.#clients.delete(response))
    return true
  }

  close(): void {
    clearInterval(this.#keepAlive)
    for (const client of this.#clients) client.end()
  }

  #write(text: string): void {
    for (const client of this.#clients) {
      if (client.writableLength > bufferedBytesMax) client.destroy()
      else client.write(text)
    }
  }
}
