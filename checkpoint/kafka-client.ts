/** One kafkajs client with the sockets it opened, so that it can be let go for good. */
import net from 'node:net'
import tls from 'node:tls'
import kafkajs, { type ISocketFactory, type Kafka } from 'kafkajs'
import type { Logger } from 'pino'

/** What every client of kafkajs can do. */
interface Connectable {
  connect(): Promise<void>
  disconnect(): Promise<void>
}

export interface KafkaClientOptions {
  /** Brokers to begin with, `HOST:PORT`. */
  readonly brokers: readonly string[]
  /** Shown in the broker's logs and metrics. */
  readonly clientId: string
  /** Told when a client is replaced, and why. */
  readonly log: Logger
  /** From 0 to below 1: which broker is asked first. Default `Math.random`. */
  readonly random?: () => number
}

/** How long a client that is let go may take to part, milliseconds. */
const partDeadlineMs = 1_000
const connectTimeoutMs = 1_000
const requestTimeoutMs = 10_000
const keepAliveMs = 30_000

/** kafkajs decodes a fetch in one go: 8 MiB of small records held the event loop for 120 ms, and a standby that catches up sends heartbeats. */
const fetchBytesMax = 1024 * 1024

/** How everything is read here: by a consumer alone in its group, which its maker replaces when it fails. */
export const readingSettings = {
  allowAutoTopicCreation: false,
  readUncommitted: true,
  minBytes: 1,
  maxBytesPerPartition: fetchBytesMax,
  maxBytes: fetchBytesMax,
  sessionTimeout: 30_000,
  heartbeatInterval: 5_000,
  retry: { retries: 5, initialRetryTime: 50, maxRetryTime: 500, restartOnFailure: async () => false },
} as const

/** A producer, consumer or admin client. `make` is called at once; `connect` is up to the maker. It does not begin at `notAt`, if there is another. */
export class KafkaClient<C extends Connectable> {
  readonly client: C
  /** The broker that it asks where everything is. */
  readonly askedFirst: string | undefined
  readonly #log: Logger
  readonly #sockets = new Set<net.Socket>()
  #parted = false

  constructor(options: KafkaClientOptions, make: (kafka: Kafka) => C, notAt?: string) {
    const brokers = turned(options.brokers, options.random ?? Math.random, notAt)
    this.askedFirst = brokers[0]
    this.#log = options.log.child({ part: 'kafkajs' })
    this.client = make(
      new kafkajs.Kafka({
        clientId: options.clientId,
        brokers,
        connectionTimeout: connectTimeoutMs,
        requestTimeout: requestTimeoutMs,
        retry: { retries: 0 },
        socketFactory: this.#openSocket,
        logLevel: kafkajs.logLevel.WARN,
        // Its errors under load would flood a terminal; what matters of them is said by who uses this.
        logCreator:
          () =>
          ({ log: { message, error } }) =>
            this.#log.debug({ error }, message),
      }),
    )
  }

  /** Lets the client go. Never rejects; a broker that is frozen keeps no socket of ours. */
  async part(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, partDeadlineMs)
    })
    const parting = this.client
      .disconnect()
      .catch((err: unknown) => this.#log.debug({ err }, 'a client did not part in good order'))
    await Promise.race([parting, deadline])
    clearTimeout(timer)
    this.#parted = true
    for (const socket of this.#sockets) socket.destroy()
  }

  /** kafkajs leaves Nagle's algorithm on, which can hold the tail of a large request back until the broker's delayed ACK. */
  readonly #openSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    const name = net.isIP(host) ? {} : { servername: host }
    const socket = ssl
      ? tls.connect({ host, port, ...name, ...ssl }, onConnect)
      : net.connect({ host, port }, onConnect)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveMs)
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    if (this.#parted) socket.destroy() // it was still connecting when it was let go
    return socket
  }
}

/**
 * The same brokers, from another one on. kafkajs asks the first of its list where everything is, and without retries only that one: were it
 * always the same, a cluster that lost its first broker would be lost to every fresh client. `notFirst` is not the first, unless it is the only one.
 */
function turned(brokers: readonly string[], random: () => number, notFirst?: string): string[] {
  const drawn = Math.floor(random() * brokers.length)
  const first = brokers[drawn] === notFirst ? drawn + 1 : drawn
  return [...brokers.slice(first), ...brokers.slice(0, first)]
}
