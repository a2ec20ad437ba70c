/** A peer's server: a real process on a free port, in a temporary directory, ended by its pid whatever happens. */
import { spawn } from 'node:child_process'
import { chown, mkdtemp, realpath, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { OrphanGuard } from '../../load-balancer/replicas/orphan-guard.ts'
import { BenchError } from '../errors.ts'

const pollIntervalMs = 20
const readyTimeoutMs = 30_000
const stopGraceMs = 5_000
const outputCharactersMax = 4_000

export interface PeerSpec {
  /** As messages name it. */
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  /** Where it takes connections on 127.0.0.1 once it is ready. */
  readonly port: number
  /** Removed at the end. */
  readonly directory: string
  /** The account it runs under, where that is not ours. */
  readonly account?: Account | undefined
  /** Asks it to end in order; default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals
  readonly log: Logger
}

export interface Account {
  readonly uid: number
  readonly gid: number
}

export interface Peer {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

/** A fresh directory, which `account` may write. */
export async function temporaryDirectory(name: string, account?: Account): Promise<string> {
  const directory = await mkdtemp(join(await realpath(tmpdir()), `heartline-bench-${name}-`))
  if (account) await chown(directory, account.uid, account.gid)
  return directory
}

/** Resolves once its port takes connections; rejects with its own last words if it ends before, and leaves nothing behind. */
export async function startPeer(spec: PeerSpec): Promise<Peer> {
  const { name, file, args, port, directory, account, log } = spec
  const guard = new OrphanGuard({ log, temporaryDirectory: directory })
  const child = spawn(file, [...args], {
    ...account,
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-outputCharactersMax)
    })
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(`ended with ${signal ?? `exit code ${code}`}`))
    child.once('error', (error) => resolve(error.message))
  })
  let alive = true
  void ended.then(() => {
    alive = false
  })
  if (child.pid !== undefined) guard.add(child.pid)

  const stop = async () => {
    const insist = setTimeout(() => child.kill('SIGKILL'), stopGraceMs)
    if (alive) child.kill(spec.stopSignal ?? 'SIGTERM')
    await ended
    clearTimeout(insist)
    if (child.pid !== undefined) guard.remove(child.pid)
    await guard.close()
    await rm(directory, { recursive: true, force: true })
  }

  const deadlineMs = performance.now() + readyTimeoutMs
  while (!(await accepts(port))) {
    if (alive && performance.now() < deadlineMs) {
      await sleep(pollIntervalMs)
      continue
    }
    const why = alive ? `does not listen within ${readyTimeoutMs} ms` : await ended
    await stop()
    throw new BenchError('PEER_FAILED', `${name} ${why}: ${lastLines(output)}`)
  }
  return { port, pid: child.pid!, stop }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-3).join(' | ') || 'it said nothing'
}
