/**
 * Runs a backend's request path before it is needed. A standby answers nobody, so its HTTP parser, router, transactions and answers would
 * be compiled while clients wait for the first answer after a failover: tens of milliseconds.
 */

import { Agent, type IncomingMessage, type RequestListener, request, type ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { createCheckpoint, memoryJournal, routes } from '../checkpoint/index.ts'
import { formatRequestHeader, requestHeader } from '../checkpoint/request-headers.ts'
import type { ServiceCheckpoint } from './backend-node.ts'

/** A copy of the service and what it is asked at the start, so that a successor's first answers need not wait until code is compiled. */
export interface Rehearsal {
  /** Makes the application, upon a state of its own that is in memory and ends with the rehearsal. */
  readonly app: (copy: { readonly checkpoint: ServiceCheckpoint }) => RequestListener
  /** Sent to it again and again: one of each kind that clients send. A body is sent as JSON. */
  readonly requests: readonly { readonly method: string; readonly path: string; readonly body?: unknown }[]
}

/** Below it a backend answers itself. */
const warmPrefix = '/.heartline/warm'
/** Enough for the hot functions to be compiled; a tenth of a second or two. */
const rounds = 150
/** Of a rehearsal: its handlers are many, and each is small. */
const rehearsalRounds = 40
const concurrency = 8
const deadlineMs = 2_000

/** A handler for the warm-up's own requests, upon a state of its own. */
export interface WarmUp {
  /** True if the request is one of the warm-up's, and was answered. */
  take(request: IncomingMessage, response: ServerResponse): boolean
  /**
   * Sends transactions and reads through the whole server, and GET requests for an unknown path below `/.heartline/` through the
   * application. Ends within two seconds; a failure is of no consequence.
   */
  run(port: number, host: string): Promise<void>
}

/** Makes a warm-up; `secret` tells its requests from anybody else's. */
export function createWarmUp(secret: string, log: Logger, rehearsal?: Rehearsal): WarmUp {
  const quiet = log.child({}, { level: 'silent' })
  const checkpoint = createCheckpoint({ journal: memoryJournal(), incarnation: secret, node: 'warm-up', log: quiet })
  const map = checkpoint.map<{ text: string; number: number }>('warm-up')
  const { route: exactlyOnce } = routes(checkpoint, { node: 'warm-up', log: quiet })
  const route = exactlyOnce(({ method, url = '' }) => {
    if (method !== 'GET') map.set(url, { text: url, number: (map.get(url)?.number ?? 0) + 1 })
    return { status: 200, body: { url, ...map.get(url) } }
  })
  const inner = `${warmPrefix}/${secret}/`
  const stage = `${inner}app`
  const copy = rehearsal?.app({ checkpoint: Object.assign(checkpoint, { route: exactlyOnce }) })

  return {
    take(incoming, response) {
      if (!incoming.url?.startsWith(inner)) return false
      if (copy && incoming.url.startsWith(`${stage}/`)) {
        incoming.url = incoming.url.slice(stage.length)
        copy(incoming, response as ServerResponse<IncomingMessage>)
      } else route(incoming, response)
      return true
    },
    async run(port, host) {
      const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
      const signal = AbortSignal.timeout(deadlineMs)
      const send = (method: string, path: string, more: Partial<Question> = {}) =>
        ask({ agent, port, host, method, path, signal, ...more })
      const rehearse = async () => {
        const session = await checkpoint.openSession()
        let number = 0
        for (let round = 0; round < rehearsalRounds; round++) {
          for (const { method, path, body } of rehearsal?.requests ?? []) {
            number++
            const note = formatRequestHeader({ session, number, lowestWaiting: number, epoch: 1, replays: 0 })
            await send(method, stage + path, { body: body === undefined ? '' : JSON.stringify(body), note })
          }
        }
      }
      try {
        await checkpoint.start()
        checkpoint.lead(1)
        await checkpoint.whenLeading(deadlineMs)
        await rehearse()
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

const smallBody = '{"seat":"warm-up","user":"warm-up"}'

interface Question {
  agent: Agent
  host: string
  port: number
  method: string
  path: string
  signal: AbortSignal
  body?: string
  /** What a balancer says of it. */
  note?: string
}

/** One request with a small JSON body, read to its end. */
function ask({ agent, host, port, method, path, signal, body = smallBody, note }: Question): Promise<void> {
  const content = body === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const headers = { ...content, ...(note === undefined ? {} : { [requestHeader]: note }) }
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host, port, method, path, signal, headers }, (response) => {
      response.on('error', reject).on('end', resolve).resume()
    })
    sent.on('error', reject).end(body)
  })
}
