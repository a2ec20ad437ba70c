/** Ordinary clients in an open loop: each request has an intended time, and its latency counts from then. */
import { Agent, request as httpRequest } from 'node:http'
import { OpenLoop } from '../../compose/load/open-loop.ts'
import { BenchError } from '../errors.ts'

export interface TrafficOptions {
  url: string
  ratePerSecond: number
  durationMs: number
  /** Connections. */
  clients: number
  signal: AbortSignal
}

/** Resolves with the latency of each request, milliseconds. Rejects on any answer but 200. */
export async function normalTraffic({
  url,
  ratePerSecond,
  durationMs,
  clients,
  signal,
}: TrafficOptions): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const latenciesMs: number[] = []
  const underWay = new Set<Promise<void>>()
  const loop = new OpenLoop({ ratePerSecond, durationMs, clients }, performance.now())
  let failed: unknown
  try {
    while (!loop.exhausted && failed === undefined) {
      signal.throwIfAborted()
      for (let due = loop.take(performance.now()); due; due = loop.take(performance.now())) {
        const { client, intendedMs } = due
        const answered: Promise<void> = ask(url, agent)
          .then(() => void latenciesMs.push(performance.now() - intendedMs))
          .catch((error) => {
            failed ??= error
          })
          .finally(() => {
            loop.release(client)
            underWay.delete(answered)
          })
        underWay.add(answered)
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await Promise.all(underWay)
  } finally {
    agent.destroy()
  }
  if (failed !== undefined) throw new BenchError('CONTENDER_WRONG', `normal traffic met an error: ${failed}`, failed)
  return latenciesMs
}

function ask(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent }, (response) => {
      response.resume()
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve()
        else reject(new Error(`status ${response.statusCode}`))
      })
    })
    request.on('error', reject)
    request.end()
  })
}
