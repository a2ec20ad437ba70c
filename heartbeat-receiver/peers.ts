/** Links to the other receivers: who is there, and who says that it leads. A shell; `leadership.ts` makes of it what it is worth. */
import type { Logger } from 'pino'
import { paths } from './incoming.ts'
import { closeCodes, decisionsSchema, protocolVersion } from './protocol.ts'
import { type LinkPorts, type Loss, type Reaction, ReceiverLink } from './receiver-link.ts'
import { addressOf } from './receiver-links.ts'

export interface PeersOptions {
  /** `ws://` or `wss://` URLs. */
  readonly urls: readonly string[]
  readonly name: string
  readonly incarnation: string
  readonly token: string | undefined
  readonly ports: LinkPorts
  readonly log: Logger
  /** A receiver is there, and this is whether it leads. */
  heard(incarnation: string, leads: boolean): void
  /** The connection to a receiver has ended. */
  lost(incarnation: string): void
  /** Another incarnation is reached where this one was. */
  replaced(incarnation: string): void
}

/** How another receiver is known. */
export interface PeerState {
  readonly url: string
  readonly incarnation: string | null
  readonly name: string | null
  readonly leads: boolean
  readonly connected: boolean
  /** Why it is not connected, if that is known. */
  readonly problem: string | null
}

interface Peer {
  readonly url: string
  readonly link: ReceiverLink
  /** Who answered last. */
  incarnation: string | null
  name: string | null
  leads: boolean
  connected: boolean
  problem: string | null
  /** It is this receiver itself, by another way. */
  isSelf: boolean
}

/** A peer is taken as gone after so many of its intervals without a word, but for no less than so long, milliseconds. */
const silentIntervals = 3
const silenceMinMs = 1_000

export class Peers {
  readonly #options: PeersOptions
  readonly #peers: Peer[]

  /** Begins to connect. @throws ReceiverError BAD_URL */
  constructor(options: PeersOptions) {
    this.#options = options
    this.#peers = options.urls.map((url) => this.#connect(url))
  }

  /** How many other receivers are connected. */
  get connected(): number {
    return this.#peers.filter(({ connected }) => connected).length
  }

  /** In the order of the URLs, without this receiver itself. */
  get states(): PeerState[] {
    const others = this.#peers.filter(({ isSelf }) => !isSelf)
    return others.map(({ url, incarnation, name, leads, connected, problem }) => ({
      ...{ url, incarnation, name, connected, problem },
      leads: connected && leads,
    }))
  }

  /** The URL of the link over which this incarnation was heard last. */
  urlOf(incarnation: string): string | undefined {
    return this.#peers.find((peer) => peer.incarnation === incarnation)?.url
  }

  close(): void {
    for (const { link } of this.#peers) link.close()
  }

  #connect(url: string): Peer {
    const address = addressOf(url, paths.decisions)
    const { ports } = this.#options
    const peer: Peer = {
      url,
      link: new ReceiverLink({
        url: address,
        ports,
        onOpen: () => this.#follow(peer),
        onMessage: (text) => this.#message(peer, text),
        onLost: (loss) => this.#lost(peer, loss),
      }),
      incarnation: null,
      name: null,
      leads: false,
      connected: false,
      problem: null,
      isSelf: false,
    }
    return peer
  }

  #follow({ link }: Peer): void {
    const { name, token } = this.#options
    const identity = { role: 'receiver', name, ...(token === undefined ? {} : { token }) }
    link.send(JSON.stringify({ type: 'follow', version: protocolVersion, epoch: 0, ...identity }))
  }

  #message(peer: Peer, text: string): void {
    const { incarnation: own, log } = this.#options
    const message = decisionsIn(text)
    if (message?.incarnation === undefined) return
    const { incarnation, name = null, leads = false, intervalMs } = message
    if (incarnation === own) {
      log.info({ event: 'peer-self', peer: peer.url }, `${peer.url} is this receiver itself`)
      peer.isSelf = true
      return peer.link.close()
    }
    peer.link.established(Math.max(intervalMs * silentIntervals, silenceMinMs))
    if (!peer.connected)
      log.info({ event: 'peer-connected', peer: peer.url }, `connected to the other receiver at ${peer.url}`)
    Object.assign(peer, { connected: true, problem: null, name, leads })
    const before = peer.incarnation
    peer.incarnation = incarnation
    if (before !== null && before !== incarnation) this.#options.replaced(before)
    this.#options.heard(incarnation, leads)
  }

  #lost(peer: Peer, { code, reason }: Loss): Reaction {
    const { log } = this.#options
    if (peer.connected)
      log.warn(
        { event: 'peer-lost', peer: peer.url, code, reason },
        `lost the other receiver at ${peer.url}: ${reason}`,
      )
    peer.connected = false
    peer.problem = reason
    if (peer.incarnation !== null) this.#options.lost(peer.incarnation)
    if (code !== closeCodes.unauthorized && code !== closeCodes.versionUnsupported) return 'retry'
    log.error({ event: 'refused', peer: peer.url, code, reason }, `${peer.url} refuses: ${reason}`)
    return 'retry-late'
  }
}

/** A peer is told of members too, which are none of a receiver's business. */
function decisionsIn(text: string) {
  try {
    const value: unknown = JSON.parse(text)
    return (value as { type?: unknown } | null)?.type === 'decisions'
      ? decisionsSchema.safeParse(value).data
      : undefined
  } catch {
    return undefined
  }
}
