/** HTTP of the simulated world: a request is one parcel, its answer another, one at a time on a connection that is kept alive. */
import type { Time } from '../../checkpoint/time.ts'
import type { BackendConnections } from '../../load-balancer/backend-connections.ts'
import type { Target } from '../../load-balancer/routing.ts'
import {
  type Outgoing,
  Sending,
  type SendingController,
  type SendingListener,
  type SendingOwner,
} from '../../load-balancer/sending.ts'
import type { End, EndHandlers } from './connection.ts'
import { addressOf, type ConnectFailure, type Network } from './network.ts'
import type { SimProcess } from './process.ts'

export interface SimRequest {
  readonly method: string
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

export interface SimAnswer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

/** As `forward.ts` has them. */
const connectionsMax = 256
const connectingMax = 8
const connectTimeoutMs = 1_000
const hangUpDelayMs = 50

/** A connection to a backend, or one in the making. */
interface Client {
  end: End | null
  sending: Sending | null
}

/** A balancer's connections to one backend: what `forward.ts` is over sockets. */
export class SimConnections implements BackendConnections, SendingOwner {
  readonly time: Time
  heard = 0
  readonly #network: Network
  readonly #process: SimProcess
  readonly #address: string
  readonly #settled: () => void
  readonly #underWay = new Set<Sending>()
  readonly #clients = new Map<Sending, Client>()
  readonly #free: Client[] = []
  #connecting = 0
  #asking = false
  #destroyed = false

  constructor(network: Network, process: SimProcess, target: Target, settled: () => void) {
    this.#network = network
    this.#process = process
    this.time = process.time
    this.#address = addressOf(target.url)
    this.#settled = settled
  }

  get full(): boolean {
    return this.#underWay.size >= connectionsMax
  }

  get crowded(): boolean {
    return this.#connecting >= connectingMax
  }

  waiting(): Sending[] {
    return [...this.#underWay].filter(({ state }) => state !== 'begun').sort((a, b) => a.sentAtMs - b.sentAtMs)
  }

  prepare(outgoing: Outgoing, listener: SendingListener, nowMs: number): Sending {
    const sending = new Sending(this, outgoing.method, listener, nowMs)
    this.#underWay.add(sending)
    return sending
  }

  dispatch(sending: Sending, { method, path, headers, body }: Outgoing): void {
    const request: SimRequest = { method, path, headers: byName(headers), body: body?.toString() ?? null }
    const client = this.#free.pop() ?? { end: null, sending: null }
    client.sending = sending
    this.#clients.set(sending, client)
    if (client.end) return this.#send(client, client.end, request)
    this.#connecting++
    this.#network.connect(
      this.#process,
      this.#address,
      connectTimeoutMs,
      (end) => {
        this.#connecting--
        client.end = end
        if (this.#destroyed) end.terminate()
        else this.#send(client, end, request)
        this.#settled()
        return this.#handlers(client)
      },
      (failure) => {
        this.#connecting--
        this.#fail(client, connectError(failure))
        this.#settled()
      },
    )
  }

  /** A sign of life, on a connection of its own. */
  ask(path: string): void {
    if (this.#asking) return
    this.#asking = true
    this.#network.connect(
      this.#process,
      this.#address,
      connectTimeoutMs,
      (end) => {
        end.send({ method: 'HEAD', path, headers: {}, body: null } satisfies SimRequest)
        return {
          onItem: () => {
            this.heard++
            end.terminate()
          },
          onClose: () => {
            this.#asking = false
          },
        }
      },
      () => {
        this.#asking = false
      },
    )
  }

  retire(graceMs: number, which: 'all' | 'movable'): void {
    const deposed = this.waiting().filter(({ movable }) => movable || which === 'all')
    for (const sending of deposed) sending.give('deposed')
    this.time.after(hangUpDelayMs, () => {
      for (const sending of deposed) sending.hangUp()
      if (this.#underWay.size === 0) this.destroy()
      else this.time.after(graceMs, () => this.destroy())
    })
  }

  destroy(): void {
    this.#destroyed = true
    for (const client of [...this.#free, ...this.#clients.values()]) client.end?.terminate()
  }

  begun(): void {}

  finished(sending: Sending): void {
    this.#underWay.delete(sending)
  }

  freed(sending: Sending): void {
    const client = this.#clients.get(sending)
    this.#clients.delete(sending)
    if (!client) return
    client.sending = null
    if (client.end?.isOpen && !this.#destroyed) this.#free.push(client)
  }

  #send(client: Client, end: End, request: SimRequest): void {
    const { sending } = client
    if (!sending) return
    let aborted = false
    const controller: SendingController = {
      abort: (reason) => {
        if (aborted) return
        aborted = true
        client.end = null
        end.terminate()
        sending.onResponseError(null, reason)
      },
      pause: () => undefined,
      resume: () => undefined,
    }
    sending.onRequestStart(controller)
    if (aborted) return
    if (!end.isOpen) return this.#fail(client, resetError())
    end.send(request)
    this.#controllers.set(client, controller)
  }

  readonly #controllers = new WeakMap<Client, SendingController>()

  #handlers(client: Client): EndHandlers {
    return {
      onItem: (item) => this.#answered(client, item as SimAnswer),
      onClose: () => {
        client.end = null
        const free = this.#free.indexOf(client)
        if (free >= 0) this.#free.splice(free, 1)
        this.#fail(client, resetError())
      },
    }
  }

  #answered(client: Client, { status, headers, body }: SimAnswer): void {
    const { sending } = client
    const controller = this.#controllers.get(client)
    if (!sending || !controller) return
    sending.onResponseStart(controller, status, headers)
    if (client.sending !== sending) return
    if (body.length > 0) sending.onResponseData(controller, Buffer.from(body))
    if (client.sending === sending) sending.onResponseEnd(controller, {})
  }

  #fail(client: Client, error: Error): void {
    const { sending } = client
    if (!sending) return
    sending.onResponseError(null, error)
    this.#clients.delete(sending)
    client.sending = null
  }
}

function connectError(failure: ConnectFailure): Error {
  const code = failure === 'refused' ? 'ECONNREFUSED' : 'UND_ERR_CONNECT_TIMEOUT'
  return Object.assign(new Error(failure), { code })
}

function resetError(): Error {
  return Object.assign(new Error('reset'), { code: 'ECONNRESET' })
}

function byName(flat: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let index = 0; index < flat.length; index += 2) headers[flat[index]!.toLowerCase()] = flat[index + 1]!
  return headers
}
