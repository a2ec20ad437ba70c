/** `heartline up`: everything on this machine, for as long as a person wants to play with it. */
import type { Logger } from 'pino'
import { z } from 'zod'
import { journalPlaceList, logLevelOption } from '../checkpoint/config.ts'
import { durationMs, flag, port } from '../checkpoint/units.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { type ClusterJournal, chooseJournal } from './cluster-journal.ts'
import { ComposeError } from './errors.ts'
import { type KillAnswer, openKillHook } from './kill-hook.ts'
import { BoardView } from './live/board-view.ts'
import { liveOption } from './live/config.ts'
import { screen } from './live/screen.ts'
import { terminalPaint } from './live/terminal-paint.ts'
import type { ManagedProcess } from './processes.ts'
import { receiverHttp } from './receiver-http.ts'
import { nextRestart } from './restarting.ts'

/** Lines of the terminal that the live view leaves to the log. */
const logRows = 12

export const upOptions = z.object({
  kafka: journalPlaceList.optional().meta({
    description:
      'Kafka brokers to use, comma separated, or file:DIR for the embedded journal; without it a Kafka is started here, or in Docker, or if neither can be, the embedded journal is used',
  }),
  brokers: z
    .enum(['1', '3'], { error: () => 'expected 1 or 3' })
    .default('1')
    .meta({ description: 'how many brokers of Kafka to start, where it is started here' }),
  data: z.string().min(1).optional().meta({
    description:
      'directory that keeps the data, of a Kafka started here or of the embedded journal; without it a fresh one',
  }),
  backends: z.coerce
    .number()
    .int('expected a whole number')
    .min(1)
    .max(100)
    .default(3)
    .meta({ description: 'how many backends' }),
  receivers: z.coerce
    .number()
    .int('expected a whole number')
    .min(1)
    .max(9)
    .default(1)
    .meta({ description: 'how many receivers; one leads, the others take over' }),
  balancers: z.coerce
    .number()
    .int('expected a whole number')
    .min(1)
    .max(9)
    .default(1)
    .meta({ description: 'how many balancers' }),
  restart: flag.default(false).meta({ description: 'start again what dies, so that you can go on killing' }),
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .meta({ description: 'address to listen on; beyond loopback only with a token' }),
  port: port
    .default(8080)
    .meta({ description: 'port of the first balancer, where clients connect; the others count up by two' }),
  adminPort: port.default(8081).meta({
    description: "port of the first balancer's health, metrics and administration; the others count up by two",
  }),
  receiverPort: port.default(7070).meta({ description: 'port of the first receiver; the others count up' }),
  backendPort: port
    .default(9001)
    .meta({ description: 'port of the first backend, the others count up; 0 picks free ones' }),
  kafkaPort: port.default(9092).meta({ description: 'port of a Kafka started here' }),
  topicPrefix: z.string().default('heartline').meta({ description: 'what the names of the Kafka topics begin with' }),
  heartbeatMs: durationMs.prefault('100ms').meta({ description: 'time between heartbeats', flag: 'heartbeat' }),
  token: z.string().min(1).max(1024).optional().meta({ description: 'shared secret of the installation' }),
  live: liveOption,
  logLevel: logLevelOption,
})
export type UpOptions = z.infer<typeof upOptions>

/** Resolves after an orderly end of everything; rejects if something that must run ends by itself. */
export async function runUp(options: UpOptions, log: Logger, signal: AbortSignal): Promise<number> {
  const brokers = options.brokers === '3' ? 3 : 1
  const journal = await chooseJournal({ kafka: options.kafka, dataDir: options.data, brokers }, log, signal)
  log.info({ event: 'journal', kafka: journal.kafka }, journal.line)
  try {
    return await runOn(journal, options, log, signal)
  } finally {
    await journal.release()
  }
}

async function runOn({ kafka }: ClusterJournal, options: UpOptions, log: Logger, signal: AbortSignal): Promise<number> {
  let cluster: Cluster | undefined
  const killHook = await openKillHook(async (name) => killOne(cluster, name))
  try {
    cluster = await startAll(kafka, killHook.url, options, log, signal)
    return await keepAll(cluster, options, log, signal)
  } finally {
    await Promise.all([cluster?.stop(), killHook.close()])
  }
}

/** For the button of the dashboard. */
function killOne(cluster: Cluster | undefined, name: string): KillAnswer {
  if (!cluster) return { killed: false, status: 503, reason: 'not everything is started yet; try again' }
  if (!cluster.backends.includes(name)) return { killed: false, status: 404, reason: `${name} was not started here` }
  if (cluster.processes.get(name)?.kill('SIGKILL')) return { killed: true }
  return { killed: false, status: 409, reason: `${name} is dead already` }
}

function startAll(
  kafka: string[] | undefined,
  killHook: string,
  options: UpOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<Cluster> {
  return startCluster({
    killHook,
    ...(kafka === undefined ? {} : { kafka }),
    brokers: options.brokers === '3' ? 3 : 1,
    ...(options.data === undefined ? {} : { dataDir: options.data }),
    backends: options.backends,
    receivers: options.receivers,
    balancers: options.balancers,
    ports: {
      kafka: options.kafkaPort,
      receiver: options.receiverPort,
      balancer: options.port,
      admin: options.adminPort,
      backend: options.backendPort,
    },
    host: options.host,
    topicPrefix: options.topicPrefix,
    ...(options.token === undefined ? {} : { token: options.token }),
    logLevel: options.logLevel,
    flags: { receiver: ['--heartbeat', `${options.heartbeatMs}ms`] },
    log,
    onLine: (name, line) => {
      if (name.startsWith('receiver') && line.event === 'listening' && typeof line.url === 'string')
        announceDashboard(line.url, options, log)
    },
    signal,
  })
}

/** Until somebody ends it, or what must be there ends by itself. */
async function keepAll(cluster: Cluster, options: UpOptions, log: Logger, signal: AbortSignal): Promise<number> {
  announce(cluster, options, log)
  if (signal.aborted) return 0
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  const { backends, receivers, balancers } = cluster
  const spare = [receivers, balancers].filter((names) => names.length > 1).flat()
  const keepers = [...backends, ...spare].map((name) =>
    keepProcess(cluster, name, { restart: options.restart, log, signal }),
  )
  const view = options.live && screen.live ? viewOf(cluster, options) : undefined
  view?.start().catch((error: Error) => log.warn(`no live view: ${error.message}`))
  try {
    await Promise.race([aborted, ...keepers, ...essential(cluster)])
  } finally {
    view?.stop({ keep: false })
  }
  return 0
}

/** Below the log, which tells of crashes itself. */
function viewOf({ receiverUrls }: Cluster, { token }: UpOptions): BoardView {
  return new BoardView({
    ...{ source: { receivers: receiverUrls, token }, screen, colours: terminalPaint(process.stdout) },
    ...{ rowsLeft: logRows, crashes: false },
  })
}

/** As soon as it can be opened. */
function announceDashboard(url: string, { token }: UpOptions, log: Logger): void {
  const dashboard = `${receiverHttp(url)}/`
  log.info(
    { event: 'dashboard', url: dashboard },
    `the dashboard: ${dashboard}${token === undefined ? '' : ' (it asks for the token)'}`,
  )
}

function announce(cluster: Cluster, options: UpOptions, log: Logger): void {
  const places = {
    url: cluster.balancerUrl,
    urls: cluster.balancerUrls,
    adminUrl: cluster.adminUrl,
    receiverUrl: cluster.receiverHttp,
    receivers: cluster.receiverUrls,
    kafka: cluster.kafka,
  }
  log.info({ event: 'listening', ...places, backends: cluster.backends }, 'Heartline is up; Ctrl-C ends all of it')
  const victim = cluster.processes.get(cluster.backends[0]!)
  const dead = options.restart ? 'it is started again' : 'it stays dead (--restart would start it again)'
  log.info(`try: curl ${cluster.balancerUrl}/home; then kill -9 ${victim?.pid} (${victim?.name}) and again; ${dead}`)
}

/** A backend may die, and one of several receivers or balancers: that is what all this is for. It is started again if so wished, less and less eagerly. Never resolves. */
async function keepProcess(
  cluster: Cluster,
  name: string,
  options: { restart: boolean; log: Logger; signal: AbortSignal },
): Promise<never> {
  const { log, signal } = options
  let failures = 0
  for (;;) {
    const startedAt = performance.now()
    await cluster.processes.get(name)?.exited
    if (!options.restart || signal.aborted) return new Promise(() => {})
    const next = nextRestart(failures, performance.now() - startedAt)
    failures = next.failures
    log.info({ event: 'restarting', process: name, delayMs: next.delayMs }, `${name} is started again`)
    await new Promise((resolve) => setTimeout(resolve, next.delayMs).unref())
    if (signal.aborted) return new Promise(() => {})
    await cluster.processes
      .restart(name)
      .catch((error) => log.error({ process: name, error: error.message }, `${name} did not start`))
  }
}

/** Without Kafka, a receiver or a balancer there is nothing to see. */
function essential({ receivers, balancers, processes: all }: Cluster): Promise<never>[] {
  const alone = [receivers, balancers].filter((names) => names.length === 1).flat()
  const processes = ['kafka', ...alone].flatMap((name) => all.get(name) ?? [])
  return processes.map((process: ManagedProcess) =>
    process.exited.then(() => {
      throw new ComposeError('PROCESS_ENDED', `${process.name} ended by itself, so all the others are ended too`)
    }),
  )
}
