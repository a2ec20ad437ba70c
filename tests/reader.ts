/** Runs the commands of a document as its reader would: in a shell, from the root of the repository, with the project's own Node. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const root = join(import.meta.dirname, '..')

/** The one command of a document that `part` stands in, of those in its blocks of shell commands. */
export function commandIn(document: string, part: string): string {
  const text = readFileSync(join(root, document), 'utf8')
  const lines = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block]) => block!.trim().split('\n'))
  const found = lines.filter((line) => line.includes(part))
  assert.equal(found.length, 1, `${document} has one command with ${part}`)
  return found[0]!
}

/** A command that runs. */
export interface Program {
  /** Resolves with what a line says, once there is one. */
  printed(pattern: RegExp): Promise<string[]>
  /** `kill -9`, also of what npm started. */
  kill(): Promise<void>
  readonly lines: readonly string[]
  /** Of the shell, and of the command where it is one that the shell replaces itself with (`exec`). */
  readonly pid: number
}

/** Runs a command in a shell; killed when the test ends. */
export function run(t: TestContext, line: string, env: Record<string, string> = {}): Program {
  const PATH = `${join(root, 'node_modules/.bin')}:${process.env.PATH}`
  const shell: ChildProcess = spawn('sh', ['-c', line], {
    cwd: root,
    env: { ...process.env, PATH, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => shell.once('close', () => resolve()))
  const lines: string[] = []
  let news = () => {}
  let rest = ''
  const hear = (chunk: Buffer) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    news()
  }
  shell.stdout!.on('data', hear)
  shell.stderr!.on('data', hear)
  const kill = async () => {
    if (shell.exitCode === null && shell.signalCode === null) process.kill(-shell.pid!, 'SIGKILL')
    await ended
  }
  t.after(kill)
  const printed = async (pattern: RegExp) => {
    for (;;) {
      const found = lines.map((text) => pattern.exec(text)).find((match) => match !== null)
      if (found) return [...found]
      assert.equal(shell.exitCode, null, `${line} ended: ${lines.join('\n')}`)
      await Promise.race([ended, new Promise<void>((resolve) => (news = resolve))])
    }
  }
  return { printed, kill, lines, pid: shell.pid! }
}

/** A directory for state that is made by whoever uses it first, and goes when the test ends. */
export async function stateDirectory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'heartline-examples-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return join(path, 'state')
}

/** Until the receiver on this port knows a backend as one that could take over. */
export async function untilStandby(port: number, name: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/api/backends`).catch(() => null)
    const backends = ((await answer?.json()) ?? []) as { name: string; phase: string }[]
    if (backends.some((backend) => backend.name === name && backend.phase === 'standby')) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
