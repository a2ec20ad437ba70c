/** What a new user does, with a clock beside: a fresh clone, the commands of the README, and the first failover that is seen. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { NewUserOptions } from './config.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')

/** One step, and how long it took. */
export interface Step {
  readonly what: string
  readonly command: string
  readonly tookMs: number
}

/** What a new user is promised at most. */
export const promised = { commands: 2, firstFailoverMs: 180_000, changedLines: 10 } as const

/** The step that all of it is about. */
export const firstFailover = 'the first failover is seen'

/** A failure quotes so many lines. */
const quotedLines = 20

/** What the demo prints when the clients send, and when the first failover is over. */
const milestones = [
  ['clients are served', /requests\/s from \d+ clients/],
  [firstFailover, / took over: /],
] as const

/** The commands that a README begins with, beside those that fetch it. */
export function firstCommands(readme: string): string[] {
  const [, block = ''] = /^```sh\n([\s\S]*?)^```/m.exec(readme) ?? []
  return block
    .split('\n')
    .map((line) => line.replace(/ +#.*/, '').trim())
    .filter((line) => line !== '' && !/^(git clone|cd) /.test(line))
}

/** How far a new user came. */
export interface Measured {
  readonly steps: readonly Step[]
  /** What the command printed last that did not end well. */
  readonly failure?: string
}

/** Clones this repository as it is committed, and does what its README says first. */
export async function measureFirstFailover(options: NewUserOptions, signal: AbortSignal): Promise<Measured> {
  const base = await mkdtemp(join(tmpdir(), 'heartline-new-user-'))
  try {
    const folder = join(base, 'heartline')
    const startMs = performance.now()
    await run('git', ['clone', '--quiet', root, folder], { signal })
    const steps: Step[] = [{ what: 'the clone is there', command: 'git clone', tookMs: performance.now() - startMs }]
    const env = environment(options, base)
    for (const command of firstCommands(await readFile(join(folder, 'README.md'), 'utf8'))) {
      const done = await timed(command, folder, env, signal)
      steps.push(...done.steps)
      if (done.failure !== undefined) return { steps, failure: done.failure }
    }
    return { steps }
  } finally {
    await rm(base, { recursive: true, force: true })
  }
}

/** Runs one command to its end: a step for each thing that was waited for. */
async function timed(command: string, cwd: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Measured> {
  const steps: Step[] = []
  let sinceMs = performance.now()
  const reached = (what: string) => {
    const nowMs = performance.now()
    steps.push({ what, command, tookMs: nowMs - sinceMs })
    sinceMs = nowMs
  }
  const child = spawn('sh', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const end = () => kill(child)
  signal.addEventListener('abort', end, { once: true })
  const left = [...milestones]
  const last: string[] = []
  const hear = (line: string) => {
    last.push(line)
    if (last.length > quotedLines) last.shift()
    const next = left[0]
    if (!next?.[1].test(line)) return
    left.shift()
    reached(next[0])
  }
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', hear)
  const [code] = (await once(child, 'close')) as [number | null]
  signal.removeEventListener('abort', end)
  signal.throwIfAborted()
  reached(`it has ended, with exit code ${code}`)
  return code === 0 ? { steps } : { steps, failure: last.join('\n') }
}

function kill(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGTERM')
}

/** That of a person, not of the npm script which runs this. */
function environment({ cold, embedded }: NewUserOptions, base: string): NodeJS.ProcessEnv {
  const env = { ...process.env }
  for (const name of Object.keys(env))
    if (/^(npm_(?!config_registry)|HEARTLINE_|NODE_OPTIONS)/.test(name)) delete env[name]
  const own = join(root, 'node_modules/.bin')
  env.PATH = (env.PATH ?? '')
    .split(':')
    .filter((folder) => folder !== own && !folder.includes('node_modules'))
    .join(':')
  return {
    ...env,
    ...(cold && {
      npm_config_cache: join(base, 'npm'),
      XDG_CACHE_HOME: join(base, 'cache'),
      MAVEN_OPTS: `${env.MAVEN_OPTS ?? ''} -Dmaven.repo.local=${join(base, 'maven')}`.trim(),
    }),
    ...(embedded && { JAVA_HOME: join(base, 'no-java'), DOCKER_HOST: `unix://${join(base, 'no-docker')}` }),
  }
}
