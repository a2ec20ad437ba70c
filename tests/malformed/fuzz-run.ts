/** Sends mutants of the corpus through a balancer, and watches the backend, the clients and the balancer's process. */
import { connect } from 'node:net'
import { startChild } from '../../bench/child.ts'
import { type Random, randomBelow, seededRandom } from '../../compose/load/random.ts'
import type { Holdings } from './balancer-process.ts'
import { corpus } from './corpus.ts'
import { mutant, pieces } from './mutations.ts'
import { rawUpstream } from './recording-upstream.ts'

export interface FuzzOptions {
  requests: number
  seed: number
  /** Connections at a time. */
  connections: number
  /** Hears of the run so far, about each second. */
  progress?: (sent: number, holdings: Holdings) => void
}

export interface FuzzReport {
  requests: number
  connections: number
  tookMs: number
  /** Whole requests that the backend read. */
  passed: number
  /** Final answers by status. */
  answers: Record<string, number>
  /** What the backend read that is not read alike by all. */
  violations: string[]
  /** Bytes, as JSON, of connections that were neither answered nor closed in time. */
  stuck: string[]
  /** After a tenth of the run, and after all of it once everything is closed. */
  early: Holdings
  late: Holdings
  /** Sockets that are left at the end beside those to the backend. */
  clientSockets: number
}

/** Requests of one connection, at most. */
const batchMax = 4
/** Of the larger cases there are few enough in the corpus test; here they would be most of the bytes. */
const originalBytesMax = 2_000
/** Longer than any limit of the balancer under test, milliseconds. */
const boundMs = 20_000
const limits = {
  headerTimeMs: 1_500,
  idleTimeMs: 1_500,
  bodyTimeMs: 1_500,
  sendTimeMs: 1_500,
  holdTimeMs: 1_500,
  replayBodyBytes: 64,
}
/** So many connections begin with a request that is served, so that mutants come on connections in use. */
const goodBeforeShare = 0.4
/** One of so many connections leaves its half open. */
const leftOpenOf = 50
/** Client addresses, so that ports do not run out. */
const addresses = 100
const askTimeoutMs = 10_000
const settleMs = 3_000

export async function runFuzz({ requests, seed, connections, progress }: FuzzOptions): Promise<FuzzReport> {
  const { originals, good } = startingPoints()
  const backend = await rawUpstream()
  const child = await startChild<object, Holdings>(
    new URL('./balancer-process.ts', import.meta.url),
    [backend.url, JSON.stringify(limits)],
    ['--expose-gc'],
  )
  const { port, sockets: idleSockets } = child.first
  const report = { passed: 0, answers: {} as Record<string, number>, violations: [] as string[], stuck: [] as string[] }
  let [sent, opened] = [0, 0]
  let early: Holdings | undefined
  let [asking, saidMs] = [false, performance.now()]
  const startedMs = performance.now()

  const watch = async () => {
    if (asking || performance.now() - saidMs < 1_000) return
    asking = true
    const holdings = await child.ask({}, askTimeoutMs)
    if (sent >= requests / 10) early ??= holdings
    progress?.(sent, holdings)
    saidMs = performance.now()
    asking = false
  }
  const worker = async () => {
    while (sent < requests) {
      opened += 1
      // Each connection has its own numbers, so that the order in which others end changes nothing.
      const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ opened)
      const turn = opened
      const batch = Array.from({ length: Math.min(1 + randomBelow(random, batchMax), requests - sent) }, () =>
        mutant(originals, random),
      )
      sent += batch.length
      const before = random() < goodBeforeShare ? good[randomBelow(random, good.length)]! : ''
      const bytes = before + batch.join('')
      const answered = await converse(port, bytes, turn, random)
      for (const status of answered.statuses) report.answers[status] = (report.answers[status] ?? 0) + 1
      if (answered.stuck) report.stuck.push(JSON.stringify(bytes))
      const { requests: arrived, violations } = backend.take()
      report.passed += arrived.length
      report.violations.push(...violations)
      await watch()
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, worker))
    const tookMs = performance.now() - startedMs
    // What a client left behind may take as long as the limits say.
    await new Promise((resolve) => setTimeout(resolve, settleMs))
    const late = await child.ask({}, askTimeoutMs)
    return {
      requests: sent,
      connections: opened,
      tookMs,
      ...report,
      early: early ?? late,
      late,
      clientSockets: late.sockets - idleSockets,
    }
  } finally {
    await child.stop()
    backend.close()
  }
}

/** The corpus, with those that are passed on more often: a mutant of a refused one is most often refused as soon. */
function startingPoints(): { originals: string[]; good: string[] } {
  const small = corpus.filter(({ bytes }) => bytes.length <= originalBytesMax)
  const good = small.filter(({ expectation }) => expectation.type === 'passed').map(({ bytes }) => bytes)
  const streamed = good.map((bytes) => bytes.replace('\r\n', '\r\nAccept: text/event-stream\r\n'))
  return { originals: [...small.map(({ bytes }) => bytes), ...good, ...good, ...streamed, ...streamed], good }
}

/** One connection, from its first byte until the balancer has closed it. */
function converse(
  port: number,
  bytes: string,
  turn: number,
  random: Random,
): Promise<{ statuses: string[]; stuck: boolean }> {
  const parts = pieces(bytes, random)
  const leftOpen = randomBelow(random, leftOpenOf) === 0
  return new Promise((resolve) => {
    const statuses: string[] = []
    const localAddress = `127.0.0.${1 + (turn % addresses)}`
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
    const done = (stuck: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ statuses, stuck })
    }
    const timer = setTimeout(() => done(true), boundMs)
    socket.on('data', (chunk: Buffer) => {
      for (const [, status] of chunk.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)) statuses.push(status!)
    })
    socket.on('error', () => done(false))
    socket.on('close', () => done(false))
    const send = () => {
      const part = parts.shift()
      if (part === undefined) return void (leftOpen || socket.end())
      socket.write(part, 'latin1')
      if (parts.length > 0) setImmediate(send)
      else send()
    }
    send()
  })
}

/** What a run that is not in order did wrong, in one line each. */
export function faultsOf(report: FuzzReport): string[] {
  const { violations, stuck, early, late, clientSockets } = report
  const heapGrowth = late.heapBytes - early.heapBytes
  const rssGrowth = late.rssBytes / early.rssBytes
  return [
    ...violations.slice(0, 10).map((violation) => `reached the backend: ${violation}`),
    ...stuck.slice(0, 10).map((bytes) => `stuck: ${bytes}`),
    ...(heapGrowth > heapGrowthMaxBytes ? [`the heap grew by ${heapGrowth} bytes`] : []),
    ...(rssGrowth > rssGrowthMax ? [`the process grew to ${rssGrowth.toFixed(2)} of its size`] : []),
    ...(clientSockets > 0 ? [`${clientSockets} sockets of clients are open`] : []),
  ]
}
const heapGrowthMaxBytes = 8 * 1024 ** 2
const rssGrowthMax = 1.5
