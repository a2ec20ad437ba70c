/** Who takes part: each a store, started once, and a server process of its own. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { type LocalKafka, startKafka } from '../../compose/kafka/kafka.ts'
import { kafkaVersion } from '../../compose/kafka/runtime.ts'
import { createTopic } from '../kafka-topics.ts'
import { startPostgresql } from '../peers/postgresql.ts'
import { type AppendFsync, startRedis } from '../peers/redis.ts'

/** A store that runs, and what its server needs to know. */
export interface Store {
  /** Module and arguments of the server. */
  readonly server: readonly [module: string, ...args: string[]]
  readonly pids: readonly number[]
  /** For the report: version and settings that matter. */
  readonly note: string
  /** Module and arguments of the process that does something beside the requests: the server itself, or one of its own. */
  readonly beside?: 'server' | readonly [module: string, ...args: string[]]
}

export interface ContenderSpec {
  readonly id: string
  /** As the table names it. */
  readonly name: string
  /** Its key in the report's ratios: our rate over its. */
  readonly ratio?: string
  /** A key of p99s: that of contender `of` over its own. */
  readonly p99?: { readonly key: string; readonly of: string }
  /** It is left out on fewer processors, unless it is asked for. */
  readonly processorsMin?: number
  /** What an acknowledged booking survives. */
  readonly survives: 'nothing' | 'the death of any process' | 'the death of the machine'
  /** @throws BenchError PEER_MISSING */
  start(stores: Stores): Promise<Store>
}

export const ours = 'checkpoint'
const filled = 'checkpoint-filled'

export const contenderSpecs: readonly ContenderSpec[] = [
  {
    id: 'memory',
    name: 'express in memory',
    ratio: 'inMemory',
    survives: 'nothing',
    start: async () => ({
      server: ['in-memory', 'plain'],
      pids: [],
      note: 'a plain Map, each answer sent by its handler',
    }),
  },
  {
    id: ours,
    name: 'express + checkpoint on Kafka',
    survives: 'the death of any process',
    start: (stores) => stores.kafka({}, 'acks=all; Kafka leaves the disk to the operating system, as by default'),
  },
  {
    id: 'postgresql',
    name: 'express + PostgreSQL',
    ratio: 'postgresql',
    survives: 'the death of the machine',
    start: (stores) => stores.postgresql('on'),
  },
  {
    id: 'redis',
    name: 'express + Redis, appendfsync always',
    ratio: 'redis',
    survives: 'the death of the machine',
    start: (stores) => stores.redis('always'),
  },
  {
    id: 'memory-batched',
    name: 'express in memory, answers batched',
    survives: 'nothing',
    start: async () => ({
      server: ['in-memory', 'batched'],
      pids: [],
      note: 'a control: what memory gives once answers leave together, as a store makes them',
    }),
  },
  {
    id: 'memory-stock',
    name: 'express in memory, with ETag',
    survives: 'nothing',
    start: async () => ({
      server: ['in-memory', 'stock'],
      pids: [],
      note: 'Express as it comes, hashing each answer; all others have that off, as checkpoint.route does not do it',
    }),
  },
  {
    id: 'checkpoint-flush',
    name: 'express + checkpoint on Kafka, flush.messages 1',
    survives: 'the death of the machine',
    start: (stores) => stores.kafka({ 'flush.messages': '1' }, 'acks=all; Kafka syncs every record to disk'),
  },
  {
    id: filled,
    name: 'express + checkpoint with a large state',
    survives: 'the death of any process',
    start: (stores) => stores.filledKafka('as ours'),
  },
  {
    id: 'checkpoint-snapshots',
    name: 'express + checkpoint with a large state, snapshots back to back',
    survives: 'the death of any process',
    p99: { key: 'snapshots', of: filled },
    start: (stores) =>
      stores.filledKafka('as ours, and the server takes snapshots all the time, which a standby would do', 'server'),
  },
  {
    id: 'checkpoint-standby-snapshots',
    name: 'express + checkpoint with a large state, a standby taking snapshots back to back',
    survives: 'the death of any process',
    p99: { key: 'standbySnapshots', of: filled },
    processorsMin: 4,
    start: (stores) => stores.filledKafka('as ours, and a standby takes snapshots all the time', 'standby'),
  },
  {
    id: 'postgresql-off',
    name: 'express + PostgreSQL, synchronous_commit off',
    survives: 'the death of any process',
    start: (stores) => stores.postgresql('off'),
  },
  {
    id: 'redis-everysec',
    name: 'express + Redis, appendfsync everysec',
    survives: 'the death of any process',
    start: (stores) => stores.redis('everysec'),
  },
]

/** Starts stores when they are first asked for; two contenders may share one. */
export class Stores {
  readonly #log: Logger
  readonly #signal: AbortSignal
  readonly #onStarted: (stop: () => Promise<void>) => void
  readonly #keys: number
  #kafka: Promise<LocalKafka> | undefined
  #postgresql: ReturnType<typeof startPostgresql> | undefined

  /** `keys` is how many a large state has. */
  constructor(options: {
    log: Logger
    signal: AbortSignal
    onStarted: (stop: () => Promise<void>) => void
    keys: number
  }) {
    this.#log = options.log
    this.#signal = options.signal
    this.#onStarted = options.onStarted
    this.#keys = options.keys
  }

  async kafka(settings: Readonly<Record<string, string>>, note: string): Promise<Store> {
    this.#kafka ??= this.#started(startKafka({ port: 0, brokers: 1, log: this.#log, signal: this.#signal }))
    const { brokers, pids } = await this.#kafka
    const topic = `bench-${randomBytes(4).toString('hex')}`
    if (Object.keys(settings).length > 0) await createTopic(brokers, topic, settings)
    return { server: ['checkpointed', brokers.join(','), topic], pids, note: `Kafka ${kafkaVersion}, ${note}` }
  }

  /** A state of many keys beside the bookings; `beside` is who takes snapshots of it. */
  async filledKafka(note: string, beside?: 'server' | 'standby'): Promise<Store> {
    const keys = `${this.#keys}`
    const store = await this.kafka({}, `${note}; ${keys} keys of about 100 bytes beside the bookings`)
    const [, brokers, topic] = store.server as [string, string, string]
    const standby = ['checkpointed', brokers, topic, keys, 'follow'] as const
    return {
      ...store,
      server: [...store.server, keys],
      ...(beside === undefined ? {} : { beside: beside === 'server' ? 'server' : standby }),
    }
  }

  async postgresql(synchronousCommit: 'on' | 'off'): Promise<Store> {
    this.#postgresql ??= this.#started(startPostgresql(this.#log))
    const { url, pid, version } = await this.#postgresql
    const note = `${version}, synchronous_commit ${synchronousCommit}, fsync on; pg, pool of 20, prepared statement`
    return { server: ['postgresql', url, synchronousCommit], pids: [pid], note }
  }

  async redis(appendFsync: AppendFsync): Promise<Store> {
    const { port, pid, version } = await this.#started(startRedis(appendFsync, this.#log))
    const note = `${version}, appendonly yes, appendfsync ${appendFsync}; ioredis with automatic pipelining`
    return { server: ['redis', `${port}`, appendFsync], pids: [pid], note }
  }

  async #started<Running extends { stop(): Promise<void> }>(starting: Promise<Running>): Promise<Running> {
    const running = await starting
    this.#onStarted(() => running.stop())
    return running
  }
}
