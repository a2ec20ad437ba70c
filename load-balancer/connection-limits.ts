/** Keeps account of the connections of clients: how many there are, whose they are, and which of them stand still. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { type Client, ClientConnection } from './client-connection.ts'
import { plainAddress } from './forwarding.ts'
import { clientFault, lastAnswer } from './framing.ts'
import type { ProblemType } from './problem.ts'

export interface ConnectionLimitsOptions {
  /** Most connections. */
  connections: number
  /** Most connections of one client address; 0 for any. */
  connectionsPerClient: number
  /** Most requests of one client address under way; 0 for any. */
  requestsPerClient: number
  /** How long a client may take nothing of what it is sent, milliseconds. */
  sendTimeMs: number
  /** Monotonic time, milliseconds. */
  now: () => number
}

/** How often connections are looked at, milliseconds. */
const checkIntervalMs = 1_000
const connectionKey = Symbol('connection of a client')
type KeptSocket = Socket & { [connectionKey]?: ClientConnection }

export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions
  readonly #clients = new Map<string, Client>()
  readonly #connections = new Set<ClientConnection>()
  #count = 0

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options
  }

  /** Connections of clients now. */
  get count(): number {
    return this.#count
  }

  /** Client addresses that have a connection now. */
  get clients(): number {
    return this.#clients.size
  }

  /** Counts what `server` accepts, and looks after it until the server closes. @param secure true if TLS comes first */
  watch(server: Server, secure: boolean): void {
    server.prependListener('connection', (socket: Socket) => this.#accepted(socket, secure))
    const timer = setInterval(() => this.#check(), Math.min(checkIntervalMs, this.#options.sendTimeMs))
    timer.unref()
    server.on('close', () => clearInterval(timer))
  }

  /** The connection that a request came on. `multiplexed`: with HTTP/2 it may have many requests at a time. */
  of(socket: Socket, multiplexed = false): ClientConnection {
    const kept = socket as KeptSocket
    kept[connectionKey] ??= this.#keep(socket, this.#client(plainAddress(socket.remoteAddress)), multiplexed)
    return kept[connectionKey]
  }

  /** True if the client of `connection` has more requests under way than it may. */
  isOver(connection: ClientConnection): boolean {
    const { requestsPerClient } = this.#options
    return requestsPerClient > 0 && connection.client.requests > requestsPerClient
  }

  /** What Node says of a client whose bytes are no request. */
  failed(socket: Socket, code: string | undefined): void {
    const fault = clientFault(code)
    if (fault.type === 'answer') this.of(socket).fault(fault.problem)
    else if (fault.type === 'lost') socket.destroy()
  }

  #accepted(socket: Socket, secure: boolean): void {
    // A connection may be put back after an offer of another protocol.
    if ((socket as KeptSocket)[connectionKey]) return
    const address = plainAddress(socket.remoteAddress)
    const client = this.#client(address)
    this.#count += 1
    client.connections += 1
    this.#clients.set(address, client)
    socket.on('close', () => {
      this.#count -= 1
      client.connections -= 1
      if (client.connections === 0) this.#clients.delete(address)
    })
    const problem = this.#tooMany(client)
    if (problem) turnAway(socket, secure ? undefined : problem)
    else if (!secure) (socket as KeptSocket)[connectionKey] = this.#keep(socket, client, false)
  }

  #tooMany({ connections }: Client): ProblemType | undefined {
    const { connections: allMax, connectionsPerClient: ownMax } = this.#options
    if (this.#count > allMax) return 'too many connections'
    return ownMax > 0 && connections > ownMax ? 'too many connections of one' : undefined
  }

  #client(address: string): Client {
    return this.#clients.get(address) ?? { address, connections: 0, requests: 0 }
  }

  #keep(socket: Socket, client: Client, multiplexed: boolean): ClientConnection {
    const connection = new ClientConnection(socket, client, multiplexed)
    this.#connections.add(connection)
    socket.on('close', () => this.#connections.delete(connection))
    return connection
  }

  #check(): void {
    const nowMs = this.#options.now()
    for (const connection of this.#connections) connection.check(nowMs, this.#options.sendTimeMs)
  }
}

/** Says why if the client can be told, and closes. There is no time to be slow about it: there are too many already. */
function turnAway(socket: Socket, problem: ProblemType | undefined): void {
  socket.on('error', () => socket.destroy())
  if (problem === undefined) return void socket.destroy()
  socket.write(lastAnswer(problem))
  socket.destroySoon()
}
