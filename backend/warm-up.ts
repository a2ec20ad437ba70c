/**
 * Runs a backend's request path before it is needed. A standby answers nobody, so its HTTP parser, router, transactions and answers would
 * be compiled while clients wait for the first answer after a failover: tens of milliseconds.
 */

import type { ServerResponse } from 'node:http'
import { Agent, request } from 'node:http'
import type { Logger } from 'pino'
import { createCheckpoint, memoryJournal, type RouteRequest, routes } from '../checkpoint/index.ts'

/** Below it a backend answers itself. */
const warmPrefix = '/.heartline/warm'
/** Enough for the hot functions to be compiled; a tenth of a second or two. */
const rounds = 150
const concurrency = 8
const deadlineMs = 2_000

/** A handler for the warm-up's own requests, upon a state of its own. */
export interface WarmUp {
  /** True if the request is one of the warm-up's, and was answered. */
  take(request: RouteRequest, response: ServerResponse): boolean
  /**
   * Sends transactions and reads through the whole server, and GET requests for an unknown path below `/.heartline/` through the
   * application. Ends within two seconds; a failure is of no consequence.
   */
  run(port: number, host: string): Promise<void>
}

/** Makes a warm-up; `secret` tells its requests from anybody else's. */
export function createWarmUp(secret: string, log: Logger): WarmUp {
  const quiet = log.child({}, { level: 'silent' })
  const checkpoint = createCheckpoint({ journal: memoryJournal(), incarnation: secret, node: 'warm-up', log: quiet })
  const map = checkpoint.map<{ text: string; number: number }>('warm-up')
  const route = routes(checkpoint, { node: 'warm-up', log: quiet }).route(({ method, url = '' }) => {
    if (method !== 'GET') map.set(url, { text: url, number: (map.get(url)?.number ?? 0) + 1 })
    return { status: 200, body: { url, ...map.get(url) } }
  })
  const inner = `${warmPrefix}/${secret}/`

  return {
    take(incoming, response) {
      if (!incoming.url?.startsWith(inner)) return false
      route(incoming, response)
      return true
    },
    async run(port, host) {
      const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
      const signal = AbortSignal.timeout(deadlineMs)
      const send = (method: string, path: string) => ask({ agent, port, host, method, path, signal })
      try {
        await checkpoint.start()
        checkpoint.lead(1)
        await checkpoint.whenLeading(deadlineMs)
        const lanes = Array.from({ length: concurrency }, async (_, lane) => {
          for (let round = lane; round < rounds; round += concurrency) {
            await send('POST', `${inner}${round % 20}`)
            await send('GET', `${inner}${round % 20}`)
            await send('GET', `${warmPrefix}/unknown`)
          }
        })
        await Promise.all(lanes)
      } catch (err) {
        log.debug({ err }, 'the warm-up was cut short')
      } finally {
        agent.destroy()
        await checkpoint.close(0)
      }
    },
  }
}

interface Question {
  agent: Agent
  host: string
  port: number
  method: string
  path: string
  signal: AbortSignal
}

/** One request with a small JSON body, read to its end. */
function ask({ agent, host, port, method, path, signal }: Question): Promise<void> {
  const body = '{"seat":"warm-up","user":"warm-up"}'
  const headers = { 'content-type': 'application/json', 'content-length': body.length }
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host, port, method, path, signal, headers }, (response) => {
      response.on('error', reject).on('end', resolve).resume()
    })
    sent.on('error', reject).end(body)
  })
}
