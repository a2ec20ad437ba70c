/** `heartline health`: what a container's health check runs, so that the image needs no other program for it. */
import { request as plainRequest } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { Logger } from 'pino'
import { z } from 'zod'
import { durationMs, textList } from '../checkpoint/units.ts'
import { ComposeError } from './errors.ts'

/** Where each kind of process says whether it is ready, on its default port: receiver, balancer, backend. */
const defaultPlaces =
  'http://127.0.0.1:7070/readyz,http://127.0.0.1:8081/readyz,http://127.0.0.1:9001/.heartline/readyz'

export const healthOptions = z.object({
  at: textList
    .refine((urls) => urls.length > 0 && urls.every((url) => /^https?:$/.test(URL.parse(url)?.protocol ?? '')), {
      error: 'expected URLs such as http://127.0.0.1:7070/readyz, comma separated',
    })
    .prefault(defaultPlaces)
    .meta({ description: 'what is asked; whoever listens there must answer 2xx, and one must listen' }),
  timeLimitMs: durationMs
    .refine((ms) => ms > 0, 'expected a time above 0')
    .prefault('3s')
    .meta({ description: 'how long an answer may take', flag: 'time-limit' }),
})
export type HealthOptions = z.infer<typeof healthOptions>

/** What came of asking one place; null if nobody listens there. */
type Answer = { readonly url: string; readonly status: number | null; readonly problem: string } | null

/** Prints one line; rejects with NOT_HEALTHY if nobody listens, or somebody is not ready. */
export async function runHealth(
  { at, timeLimitMs }: HealthOptions,
  _log: Logger,
  signal: AbortSignal,
): Promise<number> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeLimitMs)])
  const answers = (await Promise.all(at.map((url) => ask(url, limit)))).filter((answer) => answer !== null)
  signal.throwIfAborted()
  if (answers.length === 0) throw new ComposeError('NOT_HEALTHY', `nobody listens at ${at.join(', ')}`)
  const failed = answers.filter(({ status }) => status === null || status < 200 || status > 299)
  if (failed.length > 0)
    throw new ComposeError(
      'NOT_HEALTHY',
      failed.map(({ url, status, problem }) => `${url} ${status === null ? problem : `answers ${status}`}`).join('; '),
    )
  process.stdout.write(`ready: ${answers.map(({ url }) => url).join(', ')}\n`)
  return 0
}

/** By Node's own client: a health check runs every few seconds, and the larger clients take longer to load than to ask. */
function ask(url: string, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const send = url.startsWith('https:') ? secureRequest : plainRequest
  const request = send(url, { agent: false, signal }, (response) => {
    response.resume()
    resolve({ url, status: response.statusCode ?? null, problem: 'gives no status' })
  })
  request.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED') return resolve(null)
    const problem = signal.aborted ? 'gives no answer in time' : `cannot be asked: ${error.message}`
    resolve({ url, status: null, problem })
  })
  request.end()
  return promise
}
