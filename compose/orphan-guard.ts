/**
 * Kills child processes when this process dies without the chance to do so itself (`kill -9`, a crash, out of memory).
 * A small `sh` in a session of its own holds a pipe from us; when the pipe ends, it kills what was listed last.
 * A pipe, because the kernel closes it however we die, and SIGKILL, because it also ends a stopped child.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Logger } from 'pino'

// The last complete line wins: the pids still alive, or nothing after an orderly end. `$1` is a directory to remove, or nothing.
const script = `
trap '' INT TERM HUP
pids=
while IFS= read -r line; do pids=$line; done
[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
[ -z "$1" ] || { [ -z "$pids" ] || sleep 1; rm -rf -- "$1"; }
`

export class OrphanGuard {
  readonly #pids = new Set<number>()
  readonly #shell: ChildProcess

  /** `temporaryDirectory` is removed when this process has ended, in whatever way. */
  constructor(options: { log: Logger; temporaryDirectory?: string }) {
    this.#shell = spawn('sh', ['-c', script, 'heartline-orphan-guard', options.temporaryDirectory ?? ''], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    const warn = (error: Error) =>
      options.log.warn({ error: error.message }, 'no orphan guard: if this process is killed, its children stay')
    this.#shell.on('error', warn)
    this.#shell.stdin?.on('error', warn)
    // The guard must not keep us alive: our end is what it waits for.
    this.#shell.unref()
    ;(this.#shell.stdin as { unref?: () => void } | null)?.unref?.()
  }

  /** From now on `pid` dies with us. */
  add(pid: number): void {
    this.#pids.add(pid)
    this.#tell()
  }

  /** `pid` has ended; its number may soon belong to a stranger. */
  remove(pid: number): void {
    if (this.#pids.delete(pid)) this.#tell()
  }

  /** Ends the guard; pids still listed are killed. Resolves when it is gone, its directory removed. */
  async close(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.pid === undefined) return
    const exited = new Promise<void>((resolve) => this.#shell.once('exit', () => resolve()))
    this.#shell.ref()
    this.#shell.stdin?.end()
    await exited
  }

  #tell(): void {
    if (this.#shell.stdin?.writable) this.#shell.stdin.write(`${[...this.#pids].join(' ')}\n`)
  }
}
