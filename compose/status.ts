/** `heartline status`: who is there, who is active, since when, how far behind. */
import type { Logger } from 'pino'
import { z } from 'zod'
import { flag, textList } from '../checkpoint/units.ts'
import type { BackendView, Decision } from '../heartbeat-receiver/protocol.ts'
import { ComposeError } from './errors.ts'
import { describeFetchFailure } from './fetch-failure.ts'
import { receiverHttp } from './receiver-http.ts'
import { statusTable } from './status-table.ts'

const answerTimeoutMs = 3_000
const readyPath = '/readyz'

export const statusOptions = z.object({
  receivers: textList
    .prefault('ws://127.0.0.1:7070')
    .meta({ description: 'heartbeat receivers to ask, comma separated' }),
  token: z.string().min(1).max(1024).optional().meta({ description: 'shared secret of the installation' }),
  watch: flag.default(false).meta({
    description: 'go on showing it: a live view on a terminal, a line for each change elsewhere; ends with Ctrl-C',
  }),
  json: flag.default(false).meta({
    description: 'print one JSON object instead of a table; with --watch, one line of JSON for each change',
  }),
})
export type StatusOptions = z.infer<typeof statusOptions>

/** One receiver of the list: whether it decides, or why it cannot be asked. */
export interface ReceiverState {
  url: string
  leads: boolean
  /** Missing if it answered. */
  problem?: string
}

/** What the receivers say. */
export interface Status {
  /** The one that says what follows: the one that leads, or where none does, the first that answers. */
  receiver: string
  receivers: ReceiverState[]
  backends: BackendView[]
  decisions: Decision[]
}

/** Prints the status; rejects with `NO_RECEIVER` if none answers. With `watch` it goes on, and waits for receivers. */
export async function runStatus(options: StatusOptions, _log: Logger, signal: AbortSignal): Promise<number> {
  if (options.watch) return (await import('./live/status-watch.ts')).watchStatus(options, signal)
  const status = await askReceivers(options, signal)
  const text = options.json ? JSON.stringify(status) : statusTable(status, Date.now())
  process.stdout.write(`${text}\n`)
  return 0
}

type Said = Pick<Status, 'backends' | 'decisions'> & { leads: boolean }

/** All of them, for only one of them leads, and only that one hears of everything at once. */
async function askReceivers({ receivers: urls, token }: StatusOptions, signal: AbortSignal): Promise<Status> {
  const asked = await Promise.allSettled(urls.map((url) => askReceiver(url, token, signal)))
  signal.throwIfAborted()
  const answers = asked.map((answer) => (answer.status === 'fulfilled' ? answer.value : undefined))
  const receivers = asked.map((answer, index): ReceiverState => {
    const url = urls[index]!
    if (answer.status === 'fulfilled') return { url, leads: answer.value.leads }
    return { url, leads: false, problem: describeFetchFailure(answer.reason as Error, answerTimeoutMs) }
  })
  const leader = answers.findIndex((answer) => answer?.leads)
  const index = leader >= 0 ? leader : answers.findIndex((answer) => answer !== undefined)
  const said = answers[index]
  if (!said) {
    const reasons = receivers.map(({ url, problem }) => `${url} ${problem}`)
    throw new ComposeError('NO_RECEIVER', `no receiver answers: ${reasons.join('; ')}`)
  }
  const { backends, decisions } = said
  return { receiver: urls[index]!, receivers, backends, decisions }
}

async function askReceiver(receiver: string, token: string | undefined, signal: AbortSignal): Promise<Said> {
  const base = receiverHttp(receiver)
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(`${base}${path}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]),
    })
    // One that cannot decide yet says so by its status, and is there all the same.
    if (!response.ok && path !== readyPath) throw new Error(`answers ${response.status} to ${path}`)
    return response.json()
  }
  const [backends, decisions, ready] = await Promise.all(['/api/backends', '/api/decisions', readyPath].map(ask))
  // One that does not say whether it leads knows no others.
  const { leads = true } = ready as { leads?: boolean }
  return { leads, backends: backends as BackendView[], decisions: decisions as Decision[] }
}
