/** WebSockets of the simulated world: texts on a connection, after an upgrade that takes a round trip and the other side's time. */
import type { Input } from '../../heartbeat-receiver/events.ts'
import { closeReason, type Lane, parseMessage, paths } from '../../heartbeat-receiver/incoming.ts'
import { closeCodes, helloTimeoutMs, type ToBackend, type ToFollower } from '../../heartbeat-receiver/protocol.ts'
import type { LinkPorts, LinkSocket, SocketHandlers } from '../../heartbeat-receiver/receiver-link.ts'
import type { End, EndHandlers } from './connection.ts'
import { addressOf, type Network } from './network.ts'
import type { SimProcess } from './process.ts'

/** As `receiver-link.ts` has it over sockets. */
const handshakeTimeoutMs = 2_000
/** About what a parcel that waits counts for, bytes. */
const parcelBytes = 300

const upgraded = { upgraded: true }

/** What a link needs, over the network of the world. */
export function linkPorts(network: Network, process: SimProcess): LinkPorts {
  return {
    dial: (url, handlers) => dial(network, process, url, handlers),
    after: (delayMs, callback) => process.time.after(delayMs, callback),
    now: () => process.time.now(),
    random: process.random,
  }
}

function dial(network: Network, process: SimProcess, url: string, handlers: SocketHandlers): LinkSocket {
  let end: End | null = null
  let state: 'connecting' | 'open' | 'closed' = 'connecting'
  const lost = (code: number, reason: string) => {
    if (state === 'closed') return
    state = 'closed'
    cancelTimer()
    handlers.onClose({ code, reason })
  }
  const cancelTimer = process.time.after(handshakeTimeoutMs, () => {
    if (state !== 'connecting') return
    giveUp()
    end?.terminate()
    lost(1006, 'Opening handshake has timed out')
  })
  const giveUp = network.connect(
    process,
    addressOf(url),
    handshakeTimeoutMs * 2,
    (connected) => {
      end = connected
      connected.send({ upgrade: pathOf(url) })
      return {
        onItem: (item) => {
          if (state === 'closed') return
          if (item !== upgraded) return handlers.onMessage(item as string)
          state = 'open'
          cancelTimer()
          handlers.onOpen()
        },
        onClose: lost,
      }
    },
    (failure) => lost(1006, failure === 'refused' ? 'connection refused' : 'timed out'),
  )
  return {
    send: (text) => end?.send(text),
    close: () => end?.close(1000, ''),
    terminate: () => {
      giveUp()
      if (end) end.terminate()
      else process.time.soon(() => lost(1006, 'terminated'))
    },
    get bufferedAmount() {
      return (end?.waiting ?? 0) * parcelBytes
    },
  }
}

function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  return start === -1 ? '/' : url.slice(start)
}

interface Peer {
  readonly id: number
  readonly end: End
  lane: Lane | null
  name: string | null
  role: string
  closing: boolean
}

export interface ReceiverSocketsOptions {
  readonly process: SimProcess
  take(input: Input): void
  welcome(): Iterable<ToFollower>
}

/** A receiver's side: what `websocket-server.ts` is over sockets, without what only strangers do. */
export class ReceiverSockets {
  readonly #options: ReceiverSocketsOptions
  readonly #peers = { heartbeats: new Map<number, Peer>(), decisions: new Map<number, Peer>() }
  #ids = 0

  constructor(options: ReceiverSocketsOptions) {
    this.#options = options
  }

  get open(): number {
    return this.#peers.heartbeats.size + this.#peers.decisions.size
  }

  accept(end: End): EndHandlers {
    const peer: Peer = { id: ++this.#ids, end, lane: null, name: null, role: '', closing: false }
    const cancelTimer = this.#options.process.time.after(helloTimeoutMs, () => {
      if (peer.name === null) this.#refuse(peer, closeCodes.helloTimeout, 'no first message')
    })
    return {
      onItem: (item) => {
        if (peer.lane === null) return this.#upgrade(peer, (item as { upgrade: string }).upgrade)
        if (!peer.closing) this.#message(peer, peer.lane, item as string)
      },
      onClose: () => {
        cancelTimer()
        if (peer.lane === null) return
        this.#peers[peer.lane].delete(peer.id)
        if (peer.lane === 'heartbeats') this.#options.take({ type: 'closed', connection: peer.id })
      },
    }
  }

  send(connection: number, message: ToBackend): void {
    const peer = this.#peers.heartbeats.get(connection)
    if (peer && !peer.closing) peer.end.send(JSON.stringify(message))
  }

  close(connection: number, code: number, reason: string): void {
    const peer = this.#peers.heartbeats.get(connection)
    if (peer) this.#refuse(peer, code, reason)
  }

  tell(follower: number, message: ToFollower): void {
    const peer = this.#peers.decisions.get(follower)
    if (peer && !peer.closing) peer.end.send(JSON.stringify(message))
  }

  broadcast(message: ToFollower): void {
    this.#toAll(message, () => true)
  }

  tellPeers(message: ToFollower): void {
    this.#toAll(message, ({ role }) => role === 'receiver')
  }

  tellAll(messages: () => Iterator<ToFollower>): void {
    for (const peer of this.#peers.decisions.values()) {
      if (peer.name === null || peer.closing) continue
      const iterator = messages()
      for (let next = iterator.next(); !next.done; next = iterator.next()) peer.end.send(JSON.stringify(next.value))
    }
  }

  closeAll(): void {
    for (const peer of [...this.#peers.heartbeats.values(), ...this.#peers.decisions.values()])
      peer.end.close(closeCodes.goingAway, 'the receiver stops')
  }

  #toAll(message: ToFollower, takes: (peer: Peer) => boolean): void {
    const text = JSON.stringify(message)
    for (const peer of this.#peers.decisions.values())
      if (peer.name !== null && !peer.closing && takes(peer)) peer.end.send(text)
  }

  #upgrade(peer: Peer, path: string): void {
    peer.lane = path === paths.heartbeats ? 'heartbeats' : 'decisions'
    this.#peers[peer.lane].set(peer.id, peer)
    peer.end.send(upgraded)
  }

  #message(peer: Peer, lane: Lane, text: string): void {
    const parsed = parseMessage(lane, text, peer.name !== null)
    if ('refusal' in parsed) return this.#refuse(peer, parsed.refusal.code, parsed.refusal.reason)
    const { message } = parsed
    const { take, welcome } = this.#options
    const connection = peer.id
    switch (message.type) {
      case 'hello':
        peer.name = message.name
        return take({ type: 'hello', connection, hello: message })
      case 'heartbeat':
        return take({ type: 'heartbeat', connection, heartbeat: message })
      case 'refuse':
        return take({ type: 'refuse', connection, refuse: message })
      case 'goodbye':
        return take({ type: 'goodbye', connection, goodbye: message })
      case 'yielded':
        return take({ type: 'yielded', connection, epoch: message.epoch })
      case 'follow':
        peer.name = message.name
        peer.role = message.role
        take({ type: 'seen', epoch: message.epoch })
        for (const told of welcome()) peer.end.send(JSON.stringify(told))
        return
      case 'seen':
        return take({ type: 'seen', epoch: message.epoch })
      case 'report':
        return take({ type: 'report', by: peer.name!, report: message })
      case 'hand-over':
        return take({ type: 'hand-over', follower: peer.id, request: message })
    }
  }

  #refuse(peer: Peer, code: number, reason: string): void {
    if (peer.closing) return
    peer.closing = true
    peer.end.close(code, closeReason(reason))
  }
}
