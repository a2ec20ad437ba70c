/** A process of ours that is measured: told by messages, one answer to each, ended with us however we end (its channel closes). */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BenchError } from './errors.ts'

const startTimeoutUsualMs = 30_000
/** kafkajs 2.2.4 asks for timers in the past; Node runs them at once, as is meant. */
const quiet = ['--disable-warning=TimeoutNegativeWarning']
const stopGraceMs = 5_000

export interface Child<Question, Answer> {
  readonly pid: number
  /** What it said first, when it was ready. */
  readonly first: Answer
  /** Rejects with CONTENDER_WRONG if it ends, or does not answer in time. */
  ask(question: Question, timeoutMs: number): Promise<Answer>
  /** Sends a signal that is part of a measurement: its end by it is no failure. */
  kill(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

/** Starts the module on this Node; resolves with its first message, which may take 30 s unless something else is said. */
export async function startChild<Question extends object | string, Answer>(
  module: URL,
  args: readonly string[],
  execArgv: readonly string[] = [],
  startTimeoutMs = startTimeoutUsualMs,
): Promise<Child<Question, Answer>> {
  const path = fileURLToPath(module)
  const name = basename(path, '.ts')
  const child = fork(path, args, { execArgv: [...quiet, ...execArgv], env: { ...process.env, NODE_ENV: 'production' } })
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', (code, signal) =>
      reject(new BenchError('CONTENDER_WRONG', `${name} ended with ${signal ?? `exit code ${code}`}`)),
    )
  })
  ended.catch(() => {}) // it may end while nothing is asked of it

  async function hear(timeoutMs: number): Promise<Answer> {
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      const [answer] = await Promise.race([once(child, 'message', { signal: timeout }), ended])
      return answer as Answer
    } catch (cause) {
      if (cause instanceof BenchError) throw cause
      throw new BenchError('CONTENDER_WRONG', `${name} did not answer within ${timeoutMs} ms`, cause)
    }
  }

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    const insist = setTimeout(() => child.kill('SIGKILL'), stopGraceMs)
    if (child.connected) child.disconnect()
    child.kill('SIGCONT') // a stopped process sees nothing else
    await exited
    clearTimeout(insist)
  }

  try {
    const first = await hear(startTimeoutMs)
    const ask = (question: Question, timeoutMs: number) => {
      child.send(question)
      return hear(timeoutMs)
    }
    return { pid: child.pid!, first, ask, kill: (signal) => void child.kill(signal), stop }
  } catch (error) {
    await stop()
    throw error
  }
}
