/** Where a cluster on this machine keeps its journals: Kafka if it is given or can be started, else the embedded journal; and why, in one line. */
import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { OrphanGuard } from '../load-balancer/replicas/orphan-guard.ts'
import { ComposeError } from './errors.ts'
import { kafkaDataMark } from './kafka/data-directory.ts'
import { startDockerKafka } from './kafka/docker.ts'
import { prepareKafka } from './kafka/runtime.ts'

export interface JournalWish {
  /** What `--kafka` says, if anything. */
  readonly kafka?: readonly string[] | undefined
  /** What `--data` says: a directory that keeps the data. */
  readonly dataDir?: string | undefined
  /** Three can only be had of Kafka. */
  readonly brokers?: 1 | 3
}

export interface ClusterJournal {
  /** For `--kafka` of every process; undefined if the cluster is to start a Kafka of its own. */
  readonly kafka: string[] | undefined
  /** What it is and why, for people. */
  readonly line: string
  /** Ends and removes what was started or made for this cluster only. */
  release(): Promise<void>
}

/** What of Kafka can be had on this machine. */
export interface KafkaMeans {
  /** Rejects with a ComposeError if no Kafka can be started here. */
  prepare(log: Logger, signal?: AbortSignal): Promise<unknown>
  /** The same for one in a container, which is started. */
  inDocker(log: Logger, signal?: AbortSignal): Promise<{ brokers: string[]; stop(): Promise<void> }>
}

const thisMachine: KafkaMeans = { prepare: prepareKafka, inDocker: startDockerKafka }
/** No Kafka can be started; whatever else goes wrong is no reason to keep the state elsewhere. */
const obstacles = new Set(['JAVA_MISSING', 'JAVA_TOO_OLD', 'MAVEN_MISSING', 'MAVEN_FAILED', 'DOCKER_UNUSABLE'])

export async function chooseJournal(
  wish: JournalWish,
  log: Logger,
  signal?: AbortSignal,
  means: KafkaMeans = thisMachine,
): Promise<ClusterJournal> {
  const { kafka, dataDir, brokers = 1 } = wish
  if (kafka) return fixed([...kafka], `the journal is at ${kafka.join(',')}, as --kafka says`)
  const found = dataDir === undefined ? 'nothing' : await contentsOf(dataDir)
  if (dataDir !== undefined && found === 'embedded')
    return fixed([`file:${resolve(dataDir)}`], `the journal is the embedded one in ${dataDir}, as there is one`)
  const obstacle = await obstacleTo(means.prepare(log, signal), signal)
  if (!obstacle) return fixed(undefined, 'the journal is a Kafka that is started here: Java and its jars are there')
  if (found === 'kafka' || brokers === 3) throw obstacle
  if (dataDir !== undefined) {
    const why = `no Kafka was given, and none can be started (${reasonOf(obstacle)})`
    return fixed([`file:${resolve(dataDir)}`], `the journal is the embedded one in ${dataDir}: ${why}`)
  }
  return (await inDocker(means, obstacle, log, signal)) ?? embedded(obstacle, log)
}

async function inDocker(
  means: KafkaMeans,
  obstacle: ComposeError,
  log: Logger,
  signal?: AbortSignal,
): Promise<ClusterJournal | undefined> {
  const starting = means.inDocker(log, signal)
  const inContainer = await obstacleTo(starting, signal)
  if (inContainer) {
    log.debug({ reason: inContainer.message }, 'no Kafka in Docker')
    return undefined
  }
  const { brokers, stop } = await starting
  const line = `the journal is a Kafka in Docker at ${brokers.join(',')} (${reasonOf(obstacle)})`
  return { kafka: brokers, line, release: stop }
}

/** In a directory that goes when this process ends, in whatever way. */
async function embedded(obstacle: ComposeError, log: Logger): Promise<ClusterJournal> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-journal-'))
  const guard = new OrphanGuard({ log, temporaryDirectory: directory })
  const why = `no Kafka was given, none can be started (${reasonOf(obstacle)}), nor one in Docker`
  const line = `the journal is the embedded one, for this one machine, in ${directory}: ${why}`
  return { kafka: [`file:${directory}`], line, release: () => guard.close() }
}

function fixed(kafka: string[] | undefined, line: string): ClusterJournal {
  return { kafka, line, release: async () => undefined }
}

async function obstacleTo(work: Promise<unknown>, signal?: AbortSignal): Promise<ComposeError | null> {
  try {
    await work
    return null
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof ComposeError && obstacles.has(error.code)) return error
    throw error
  }
}

/** What is wrong, without what could be done about it. */
function reasonOf(obstacle: ComposeError): string {
  return obstacle.message.split(': ')[0] ?? obstacle.message
}

async function contentsOf(directory: string): Promise<'kafka' | 'embedded' | 'nothing'> {
  const files = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [] // made later
    throw new ComposeError(
      'DATA_DIR_UNUSABLE',
      `the data directory ${directory} cannot be used: ${error.message}`,
      error,
    )
  })
  if (files.includes(kafkaDataMark)) return 'kafka'
  return files.some((file) => file.endsWith('.sqlite')) ? 'embedded' : 'nothing'
}
