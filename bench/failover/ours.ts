/** Our own failovers: `heartline demo`, which kills the active under load and has every promise of every answer checked. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { BenchError } from '../errors.ts'
import { type Block, failoverSample } from './observations.ts'
import { calmMs, type KillSignal, type Traffic } from './peers.ts'

const command = fileURLToPath(new URL('../../compose/main.ts', import.meta.url))

const demoReport = z.object({
  requests: z.number(),
  errors: z.record(z.string(), z.number()),
  lost: z.number(),
  doubled: z.number(),
  failovers: z.array(failoverSample),
})

/** Resolves with what the clients saw, also if they saw errors: those are what is measured. `keys` are in the state before the first of them comes. */
export async function ourBlock(
  kills: number,
  signal: KillSignal,
  traffic: Traffic,
  keys: number,
  abort: AbortSignal,
): Promise<Block> {
  const flags = [
    '--json',
    '--kills',
    `${kills}`,
    '--signal',
    signal,
    '--keys',
    `${keys}`,
    '--log-level',
    'error',
    '--calm',
    `${calmMs}ms`,
  ]
  const load = ['--rate', `${traffic.ratePerSecond}`, '--clients', `${traffic.clients}`, '--write-ratio', '0.5']
  const demo = spawn(process.execPath, [command, 'demo', ...flags, ...load], { stdio: ['ignore', 'pipe', 'pipe'] })
  const end = () => demo.kill('SIGINT')
  abort.addEventListener('abort', end, { once: true })
  const exited = once(demo, 'exit')
  try {
    const [output, story] = await Promise.all([text(demo.stdout), text(demo.stderr)])
    await exited
    abort.throwIfAborted()
    const { requests, errors, lost, doubled, failovers } = parse(output, story)
    const failed = Object.values(errors).reduce((all, count) => all + count, 0)
    // A demo ends at the first failover that does not happen; those it did not try did not happen either.
    return { requests, errors: failed, runTwice: doubled, lost, failovers, errorCodes: errors }
  } finally {
    abort.removeEventListener('abort', end)
  }
}

function parse(output: string, story: string): z.infer<typeof demoReport> {
  const line = output.trim().split('\n').at(-1) ?? ''
  try {
    return demoReport.parse(JSON.parse(line))
  } catch (cause) {
    const last = story.trim().split('\n').at(-1) ?? ''
    throw new BenchError('LOAD_FAILED', `heartline demo gave no report: ${last}`, cause)
  }
}
