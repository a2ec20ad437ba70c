/** `heartline status`: who is there, who is active, since when, how far behind. */
import type { Logger } from 'pino'
import { z } from 'zod'
import { flag, textList } from '../checkpoint/units.ts'
import type { BackendView, Decision } from '../heartbeat-receiver/protocol.ts'
import { ComposeError } from './errors.ts'
import { statusTable } from './status-table.ts'

const answerTimeoutMs = 3_000

export const statusOptions = z.object({
  receivers: textList
    .prefault('ws://127.0.0.1:7070')
    .meta({ description: 'heartbeat receivers to ask, comma separated' }),
  token: z.string().min(1).max(1024).optional().meta({ description: 'shared secret of the installation' }),
  json: flag.default(false).meta({ description: 'print one JSON object instead of a table' }),
})
export type StatusOptions = z.infer<typeof statusOptions>

/** What one receiver says. */
export interface Status {
  receiver: string
  backends: BackendView[]
  decisions: Decision[]
}

/** Prints the status; rejects with `NO_RECEIVER` if none answers. */
export async function runStatus(options: StatusOptions, _log: Logger, signal: AbortSignal): Promise<number> {
  const status = await askReceivers(options, signal)
  const text = options.json ? JSON.stringify(status) : statusTable(status, Date.now())
  process.stdout.write(`${text}\n`)
  return 0
}

/** The answer of the first receiver in the list that gives one. */
async function askReceivers(options: StatusOptions, signal: AbortSignal): Promise<Status> {
  const reasons: string[] = []
  for (const receiver of options.receivers) {
    try {
      return await askReceiver(receiver, options.token, signal)
    } catch (error) {
      signal.throwIfAborted()
      reasons.push(`${receiver} ${describe(error as Error)}`)
    }
  }
  throw new ComposeError('NO_RECEIVER', `no receiver answers: ${reasons.join('; ')}`)
}

async function askReceiver(receiver: string, token: string | undefined, signal: AbortSignal): Promise<Status> {
  const base = receiver.replace(/^ws/, 'http').replace(/\/$/, '')
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(`${base}${path}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]),
    })
    if (!response.ok) throw new Error(`answers ${response.status} to ${path}`)
    return response.json()
  }
  const [backends, decisions] = await Promise.all([ask('/api/backends'), ask('/api/decisions')])
  return { receiver, backends: backends as BackendView[], decisions: decisions as Decision[] }
}

function describe(error: Error): string {
  if (error.name === 'TimeoutError') return `gives no answer within ${answerTimeoutMs} ms`
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code
  return code === 'ECONNREFUSED' ? 'refuses connections' : (code ?? error.message)
}
