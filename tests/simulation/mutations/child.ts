/** A child process that runs worlds, or a test file, upon production code with a mutation in it, or none. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { TrialOutcome } from './trial.ts'

const root = join(import.meta.dirname, '../../..')
const hook = join(import.meta.dirname, 'hook.ts')
/** A mutated program may grow without bound, or never end. */
const heapMegabytes = 1_024
const outputCharactersMax = 20_000

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** Runs worlds until one fails. Rejects if that could not be done, or took longer than `timeoutMs`: then nothing was shown. */
export async function runTrial(
  mutation: string | null,
  { from, count, scenario }: { from: number; count: number; scenario: string | undefined },
  timeoutMs: number,
): Promise<TrialOutcome> {
  const trial = join(import.meta.dirname, 'trial.ts')
  const args = [trial, String(from), String(count), ...(scenario === undefined ? [] : [scenario])]
  const { code, output } = await run(mutation, args, timeoutMs)
  const said = output.trimEnd().split('\n').at(-1) ?? ''
  if (code === 0 && said.startsWith('{')) return JSON.parse(said) as TrialOutcome
  throw new Error(
    `${mutation ?? 'sound code'}, ${scenario ?? 'random worlds'}: ended with ${code}\n${output.slice(-1_000)}`,
  )
}

/** Runs a test file; true if it failed. Rejects if it was no trial at all. */
export async function testFails(mutation: string, file: string, timeoutMs: number): Promise<boolean> {
  const { code, output } = await run(mutation, [join(root, file)], timeoutMs)
  if (code === null || output.includes('the mutation was not tried') || output.includes('and must stand once'))
    throw new Error(`${mutation}, ${file}: ended with ${code}\n${output.slice(-1_000)}`)
  return code !== 0
}

function run(mutation: string | null, args: readonly string[], timeoutMs: number): Promise<Ended> {
  const env = { ...process.env, HEARTLINE_MUTATION: mutation ?? '' }
  const options = [`--max-old-space-size=${heapMegabytes}`, ...(mutation === null ? [] : ['--import', hook])]
  const child = spawn(process.execPath, [...options, ...args], {
    cwd: root,
    env,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  let output = ''
  const take = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-outputCharactersMax)
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}
