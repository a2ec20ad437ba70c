/** The whole of Heartline on one machine: Kafka unless given, receiver, balancer, backends, each a process of its own. */
import type { Logger } from 'pino'
import { type ClusterPlaces, type ClusterPorts, choosePlaces } from './cluster-places.ts'
import { type LogLine, type ManagedProcess, Processes } from './processes.ts'
import { receiverHttp } from './receiver-http.ts'

export type { ClusterPorts } from './cluster-places.ts'

export interface ClusterOptions {
  /** Brokers to use; without them a Kafka of one broker (or `brokers`) is started and ends with the cluster. */
  kafka?: string[]
  brokers?: 1 | 3
  /** Where a Kafka started here keeps its data; without it a fresh directory, removed at the end. */
  dataDir?: string
  /** How many backends, at least 1; they are named `backend-1`, `backend-2`, … */
  backends: number
  /** How many receivers and balancers; default 1 of each, named `receiver` and `balancer`, else `receiver-1`, `receiver-2`, … */
  receivers?: number
  balancers?: number
  /** `free` lets the system choose, for demos and tests that must not collide. */
  ports: 'free' | ClusterPorts
  host?: string
  topicPrefix: string
  /** Shared by all of them; handed over by environment, not on the command line. */
  token?: string
  /** Where the receivers have a backend killed (`kill-hook.ts`); holds a secret, and is handed over by environment. */
  killHook?: string
  logLevel?: string
  /** More flags for each kind of process, such as `['--heartbeat', '50ms']` for the receiver. */
  flags?: { receiver?: string[]; balancer?: string[]; backend?: string[] }
  /** What each process runs before its args, where it is not `node compose/main.ts`. */
  command?: [string, ...string[]]
  /** Runs when the journal can be reached, before anybody else uses it. */
  prepare?: (kafka: string[]) => Promise<void>
  log: Logger
  /** Gets every log line of every process. */
  onLine?: (name: string, line: LogLine) => void
  /** Aborted: what is started so far is stopped, and `startCluster` rejects. */
  signal?: AbortSignal
}

export interface Cluster {
  kafka: string[]
  /** `ws://…` of each receiver, as `--receivers` takes them. */
  receiverUrls: string[]
  /** `http://…` of the first receiver. */
  receiverHttp: string
  /** Of each balancer, and of the first. */
  balancerUrls: string[]
  balancerUrl: string
  /** Of the first balancer. */
  adminUrl: string
  /** Names of the receivers and of the balancers, in order. */
  receivers: string[]
  balancers: string[]
  /** Names of the backends, in order. */
  backends: string[]
  processes: Processes
  /** What follows `node compose/main.ts` to start this backend. */
  backendArgs(name: string): string[]
  /** Starts a new or an ended backend. */
  startBackend(name: string): Promise<ManagedProcess>
  /** Ends all in order: balancers, backends, receivers, Kafka. */
  stop(): Promise<void>
}

/** Starts everything in order and resolves when all of it listens; on a failure all that was started is stopped again. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const processes = new Processes({ log: options.log, ...(options.command ? { command: options.command } : {}) })
  const places = await choosePlaces(options)
  const { receivers, balancers, backends } = places.names
  const stop = () => processes.stopAll([balancers, backends, receivers, ['kafka']])
  const aborted = abortOf(options.signal)
  try {
    return await Promise.race([startInOrder(options, processes, places, stop), aborted.rejection])
  } catch (error) {
    await stop()
    throw error
  } finally {
    aborted.release()
  }
}

async function startInOrder(
  options: ClusterOptions,
  processes: Processes,
  places: ClusterPlaces,
  stop: () => Promise<void>,
): Promise<Cluster> {
  const { receivers, balancers, backends } = places.names
  const start = (name: string, args: string[]) => startOne(options, processes, name, args)
  const startAll = async (names: string[], argsOf: (name: string) => string[]) => {
    const started: ManagedProcess[] = []
    for (const name of names) started.push(await start(name, argsOf(name)))
    return started
  }

  const kafka = options.kafka ?? (await startKafka(options, places.kafkaPort, start))
  await options.prepare?.(kafka)
  const journal = ['--kafka', kafka.join(','), '--topic-prefix', options.topicPrefix]

  const heard = await startAll(receivers, (name) => [
    ...places.receiverArgs(name),
    ...journal,
    ...(options.flags?.receiver ?? []),
  ])
  const receiverUrls = heard.map(({ url }) => (url ?? '').replace(/^http/, 'ws'))
  const follow = ['--receivers', receiverUrls.join(',')]

  const backendArgs = (name: string) => [
    ...places.backendArgs(name),
    ...follow,
    ...journal,
    ...(options.flags?.backend ?? []),
  ]
  const startBackend = (name: string) => start(name, backendArgs(name))

  await startBackend(backends[0]!)
  const fronts = await startAll(balancers, (name) => [
    ...places.balancerArgs(name),
    ...follow,
    ...journal,
    ...(options.flags?.balancer ?? []),
  ])
  for (const name of backends.slice(1)) await startBackend(name)

  return {
    kafka,
    receiverUrls,
    receiverHttp: receiverHttp(receiverUrls[0]!),
    balancerUrls: fronts.map(({ url }) => url ?? ''),
    balancerUrl: fronts[0]!.url ?? '',
    adminUrl: String(fronts[0]!.listening.adminUrl ?? ''),
    ...{ receivers, balancers, backends, processes },
    backendArgs,
    startBackend,
    stop,
  }
}

async function startKafka(
  options: ClusterOptions,
  port: number,
  start: (name: string, args: string[]) => Promise<ManagedProcess>,
): Promise<string[]> {
  const data = options.dataDir === undefined ? [] : ['--data', options.dataDir]
  const kafka = await start('kafka', ['kafka', '--port', `${port}`, '--brokers', `${options.brokers ?? 1}`, ...data])
  return kafka.listening.brokers as string[]
}

async function startOne(
  options: ClusterOptions,
  processes: Processes,
  name: string,
  args: string[],
): Promise<ManagedProcess> {
  options.signal?.throwIfAborted()
  return processes.start({
    name,
    args: [...args, '--log-level', options.logLevel ?? 'info'],
    env: {
      // What names one process must not be inherited by all of them; undefined removes it.
      HEARTLINE_NAME: undefined,
      HEARTLINE_URL: undefined,
      // Read by whoever starts them, if at all: its token is the one below, or they have none.
      HEARTLINE_TOKEN_FILE: undefined,
      HEARTLINE_KILL_HOOK: args[0] === 'receiver' ? options.killHook : undefined,
      ...(args[0] === 'backend' ? quickToFree(process.env) : {}),
      ...(options.token === undefined ? {} : { HEARTLINE_TOKEN: options.token }),
    },
    onLine: (line) => options.onLine?.(name, line),
  })
}

/**
 * The system frees a killed process's memory, page by page, before it closes its connections: ten milliseconds and more in which nobody knows of
 * the death. So glibc asks for huge pages (no effect where there are none), for all threads together, and V8's young generation stays small. What
 * somebody chose stays.
 */
function quickToFree({ GLIBC_TUNABLES: glibc, NODE_OPTIONS: node = '' }: NodeJS.ProcessEnv): Record<string, string> {
  return {
    GLIBC_TUNABLES: glibc ?? 'glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1',
    NODE_OPTIONS: node.includes('semi-space') ? node : `${node} --max-semi-space-size=2`.trim(),
  }
}

function abortOf(signal: AbortSignal | undefined): { rejection: Promise<never>; release: () => void } {
  let release = () => {}
  const rejection = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal?.reason)
    release = () => signal?.removeEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
  rejection.catch(() => {})
  return { rejection, release }
}
