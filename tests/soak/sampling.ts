/** One look at a running system: what its processes and its journal take. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import type { Cluster } from '../../compose/cluster.ts'
import { openFiles, residentBytes } from '../../compose/process-figures.ts'
import type { JournalFigures, ProcessFigures, SystemFigures } from './figures.ts'

const mebibyte = 1024 * 1024
const blockBytes = 512
const answerTimeoutMs = 5_000

/** Looks at a cluster that keeps its Kafka in `dataDirectory`. */
export class Sampling {
  readonly #cluster: Cluster
  readonly #topic: string
  readonly #directory: string
  readonly #admin: kafkajs.Admin

  constructor(cluster: Cluster, topicPrefix: string, dataDirectory: string) {
    this.#cluster = cluster
    this.#topic = `${topicPrefix}.journal.0`
    this.#directory = join(dataDirectory, 'broker-1', 'data')
    const kafka = new kafkajs.Kafka({ clientId: 'soak', brokers: cluster.kafka, logLevel: kafkajs.logLevel.NOTHING })
    this.#admin = kafka.admin()
  }

  async open(): Promise<void> {
    await this.#admin.connect()
  }

  async close(): Promise<void> {
    await this.#admin.disconnect()
  }

  async take(): Promise<SystemFigures> {
    const { backends } = this.#cluster
    const [backend, balancer, receiver] = await Promise.all([
      this.#largest(backends.map((name) => ({ name, metrics: '/.heartline/metrics' }))),
      this.#largest([{ name: 'balancer', metrics: `${this.#cluster.adminUrl}/metrics` }]),
      this.#largest([{ name: 'receiver', metrics: `${this.#cluster.receiverHttp}/metrics` }]),
    ])
    return { processes: { backend, balancer, receiver }, ...(await this.#journal()) }
  }

  /** A process that is being started again is left out. */
  async #largest(places: { name: string; metrics: string }[]): Promise<ProcessFigures> {
    const found = await Promise.all(places.map(({ name, metrics }) => this.#process(name, metrics)))
    const present = found.filter((figures) => figures !== undefined)
    const most = (field: keyof ProcessFigures) => Math.max(0, ...present.map((figures) => figures[field]))
    return {
      heapMiB: most('heapMiB'),
      externalMiB: most('externalMiB'),
      residentMiB: most('residentMiB'),
      sockets: most('sockets'),
      files: most('files'),
    }
  }

  async #process(name: string, metrics: string): Promise<ProcessFigures | undefined> {
    const running = this.#cluster.processes.get(name)
    if (!running?.alive) return undefined
    const url = metrics.startsWith('/') ? `${running.url}${metrics}` : metrics
    const [text, resident, open] = await Promise.all([
      readText(url),
      residentBytes(running.pid),
      openFiles(running.pid),
    ])
    if (text === undefined || resident === undefined || open === undefined) return undefined
    return {
      heapMiB: metricOf(text, 'nodejs_heap_size_used_bytes') / mebibyte,
      externalMiB: metricOf(text, 'nodejs_external_memory_bytes') / mebibyte,
      residentMiB: resident / mebibyte,
      sockets: open.sockets,
      files: open.files,
    }
  }

  async #journal(): Promise<JournalFigures> {
    const [partition] = await this.#admin.fetchTopicOffsets(this.#topic)
    const folders = await readdir(this.#directory)
    const snapshots = folders.filter((folder) => folder.startsWith(`${this.#topic}.snapshots-`))
    const sizes = await Promise.all([`${this.#topic}-0`, ...snapshots].map((folder) => this.#bytesOnDisk(folder)))
    const [journal = 0, ...rest] = sizes
    return {
      start: Number(partition?.low ?? 0),
      end: Number(partition?.high ?? 0),
      journalMiB: journal / mebibyte,
      snapshotsMiB: rest.reduce((all, bytes) => all + bytes, 0) / mebibyte,
    }
  }

  /** Blocks, not lengths: Kafka's indexes are long files with little in them. */
  async #bytesOnDisk(folder: string): Promise<number> {
    const directory = join(this.#directory, folder)
    const names = await readdir(directory).catch(() => [])
    // One that was deleted meanwhile takes nothing.
    const blocks = await Promise.all(names.map((name) => stat(join(directory, name)).catch(() => ({ blocks: 0 }))))
    return blocks.reduce((all, file) => all + file.blocks * blockBytes, 0)
  }
}

async function readText(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerTimeoutMs) })
    return response.ok ? await response.text() : undefined
  } catch {
    return undefined // it was just killed, or is not up yet: the next look has it
  }
}

/** A metric without labels, or the sum over all of its labels; 0 if it is not there. */
export function metricOf(text: string, name: string): number {
  let sum = 0
  for (const line of text.split('\n'))
    if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) sum += Number(line.slice(line.lastIndexOf(' ') + 1))
  return sum
}
