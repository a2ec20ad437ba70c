/** The requests of one run, sent by the project's own test client. */
import { Connection } from '../../compose/load/connection.ts'
import { createLoad, type GoodAnswer } from '../../compose/load/load.ts'
import { isClean, type LoadReport } from '../../compose/load/report.ts'
import { BenchError, mustHold } from '../errors.ts'
import type { AnalysisOptions } from './config.ts'
import { keyHeader } from './service.ts'

/** How many keys there are, and how much more popular some are than others (Zipf's exponent; 0 is not at all). */
export interface Keys {
  count: number
  skew: number
}

export const evenKeys: Keys = { count: 1_000, skew: 0 }

const timeoutMs = 10_000
/** Before what counts: fresh processes are slow. A share of the requests. */
const warmUpShare = 0.05
const mapConnections = 4

type Size = Pick<AnalysisOptions, 'requests' | 'rate' | 'clients' | 'seed'>

/** Warms up, sends all requests and resolves with what came; `onAnswer` hears the good answers that count. */
export async function send(
  url: string,
  size: Size,
  keys: Keys,
  signal: AbortSignal,
  onAnswer: (answer: GoodAnswer) => void = () => {},
): Promise<LoadReport> {
  await sendOnce(
    url,
    { ...size, requests: Math.ceil(size.requests * warmUpShare), seed: size.seed + 1 },
    keys,
    signal,
    () => {},
  )
  return sendOnce(url, size, keys, signal, onAnswer)
}

async function sendOnce(
  url: string,
  { requests, rate, clients, seed }: Size,
  { count, skew }: Keys,
  signal: AbortSignal,
  onAnswer: (answer: GoodAnswer) => void,
): Promise<LoadReport> {
  const request = { path: '/process', method: 'GET', keyHeader, keyCount: count, keySkew: skew } as const
  const durationMs = (requests / rate) * 1_000
  const load = createLoad({
    target: url,
    rate,
    clients,
    durationMs,
    seed,
    timeoutMs,
    request,
    writeRatio: 0,
    keys: false,
  })
  load.onAnswer(onAnswer)
  const { report } = await load.run(signal)
  signal.throwIfAborted()
  return report
}

/** Throws LOAD_FAILED for any request without a good answer. */
export function mustBeClean(report: LoadReport): LoadReport {
  if (!isClean(report)) throw new BenchError('LOAD_FAILED', `errors under load: ${JSON.stringify(report.errors)}`)
  return report
}

/** Asks once with each key, and says who answered. */
export async function ownersOf(url: string, keyCount: number, signal: AbortSignal): Promise<Map<string, string>> {
  const owners = new Map<string, string>()
  let next = 0
  const connections = Array.from({ length: mapConnections }, () => new Connection(url, timeoutMs))
  try {
    await Promise.all(
      connections.map(async (connection) => {
        while (next < keyCount) {
          signal.throwIfAborted()
          const key = `key-${next++}`
          const reply = await connection.send({ method: 'GET', path: '/home', body: null }, [keyHeader, key])
          mustHold(reply.type === 'response' && reply.status === 200, `no good answer for ${key}`)
          owners.set(key, reply.backend)
        }
      }),
    )
  } finally {
    await Promise.all(connections.map((connection) => connection.close()))
  }
  return owners
}
