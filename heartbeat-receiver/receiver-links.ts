/** Connections to all receivers of a list, and what is said in the log about having none. */
import type { Logger } from 'pino'
import { ReceiverError } from './errors.ts'
import { type LinkPorts, type Loss, type Reaction, ReceiverLink } from './receiver-link.ts'

export interface ReceiverLinksOptions {
  /** `ws://` or `wss://` URLs. */
  readonly receivers: readonly string[]
  /** `/heartbeats` or `/decisions`. */
  readonly path: string
  readonly ports: LinkPorts
  readonly log: Logger
  onOpen(link: ReceiverLink): void
  onMessage(link: ReceiverLink, text: string): void
  onLost(link: ReceiverLink, loss: Loss): Reaction
}

/** While no receiver can be reached that is said again this often, milliseconds. */
const remindMs = 10_000

export class ReceiverLinks {
  readonly #options: ReceiverLinksOptions
  readonly #links: ReceiverLink[]
  readonly #established = new Set<ReceiverLink>()
  #saidAtMs = Number.NEGATIVE_INFINITY

  /** Begins to connect. @throws ReceiverError BAD_URL */
  constructor(options: ReceiverLinksOptions) {
    this.#options = options
    const urls = options.receivers.map((receiver) => addressOf(receiver, options.path))
    this.#links = urls.map((url) => this.#createLink(url))
  }

  /** True if at least one receiver has accepted us. */
  get connected(): boolean {
    return this.#established.size > 0
  }

  /** A receiver has accepted us, and is to be taken as gone after so long a silence. */
  established(link: ReceiverLink, silenceMs: number): void {
    link.established(silenceMs)
    if (this.#established.has(link)) return
    this.#established.add(link)
    this.#saidAtMs = Number.NEGATIVE_INFINITY
    this.#options.log.info(
      { event: 'receiver-connected', receiver: link.url },
      `connected to the receiver at ${link.url}`,
    )
  }

  /** Sends to every receiver that has accepted us. */
  send(message: object): void {
    if (this.#established.size === 0) return
    const text = JSON.stringify(message)
    for (const link of this.#established) link.send(text)
  }

  /** Sends to those that have accepted us and that `takes` names. */
  sendTo(takes: (link: ReceiverLink) => boolean, message: object): void {
    let text: string | undefined
    for (const link of this.#established) {
      if (!takes(link)) continue
      text ??= JSON.stringify(message)
      link.send(text)
    }
  }

  close(): void {
    for (const link of this.#links) link.close()
    this.#established.clear()
  }

  #createLink(url: string): ReceiverLink {
    const { ports, onOpen, onMessage } = this.#options
    const link: ReceiverLink = new ReceiverLink({
      url,
      ports,
      onOpen: () => onOpen(link),
      onMessage: (text) => onMessage(link, text),
      onLost: (loss) => {
        this.#sayLost(link, loss)
        return this.#options.onLost(link, loss)
      },
    })
    return link
  }

  #sayLost(link: ReceiverLink, { code, reason }: Loss): void {
    const { log, ports } = this.#options
    const receiver = link.url
    if (this.#established.delete(link))
      log.warn({ event: 'receiver-lost', receiver, code, reason }, `lost the receiver at ${receiver}: ${reason}`)
    const nowMs = ports.now()
    if (this.connected || nowMs - this.#saidAtMs < remindMs) return
    this.#saidAtMs = nowMs
    log.warn({ event: 'waiting', receiver, code, reason }, `waiting for a receiver: ${receiver} (${reason})`)
  }
}

/** Where on a receiver to connect to. @throws ReceiverError BAD_URL */
export function addressOf(receiver: string, path: string): string {
  const url = URL.parse(receiver)
  if (!url || !/^wss?:$/.test(url.protocol)) throw new ReceiverError('BAD_URL', receiver)
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/$/, '')}${path}`
}
