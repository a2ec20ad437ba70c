/** Fills the state of an installation that does not run yet. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ComposeError } from '../errors.ts'

const program = fileURLToPath(new URL(`./fill-process${extname(import.meta.url)}`, import.meta.url))
/** kafkajs 2.2.4 asks for timers in the past; Node runs them at once, as is meant. */
const quiet = ['--disable-warning=TimeoutNegativeWarning']
const startMs = 30_000
/** Far more than it takes: a million keys are written in seconds. */
const perKeyMs = 0.2
const wordsMax = 2_000

export interface Filling {
  kafka: readonly string[]
  topicPrefix: string
  /** How many keys of about 100 bytes. */
  keys: number
  signal?: AbortSignal
}

/** Resolves when all keys are durable. Rejects with PROCESS_ENDED and the filler's last words, or with the signal's reason. */
export async function fillJournal({ kafka, topicPrefix, keys, signal }: Filling): Promise<void> {
  const child = fork(program, [kafka.join(','), topicPrefix, `${keys}`], {
    execArgv: quiet,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let words = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    words = `${words}${chunk}`.slice(-wordsMax)
  })
  const limit = AbortSignal.timeout(startMs + keys * perKeyMs)
  const ends = signal ? AbortSignal.any([signal, limit]) : limit
  const end = () => child.kill('SIGKILL')
  if (ends.aborted) end()
  ends.addEventListener('abort', end, { once: true })
  try {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    signal?.throwIfAborted()
    if (code === 0) return
    const last = words.trim().split('\n').at(-1) ?? ''
    const why = limit.aborted ? 'was too slow' : `ended with ${killedBy ?? `exit code ${code}`}`
    throw new ComposeError('PROCESS_ENDED', `the process that fills the state ${why}${last ? `: ${last}` : ''}`)
  } finally {
    ends.removeEventListener('abort', end)
  }
}
