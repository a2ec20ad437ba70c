/**
 * Kills child processes when this process dies without the chance to do so itself (`kill -9`, a crash, out of memory).
 * A small `sh` in a session of its own holds a pipe from us; when the pipe ends, it kills what was listed last.
 * A pipe, because the kernel closes it however we die, and SIGKILL, because it also ends a stopped child.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Logger } from 'pino'

// The last complete line wins: what is still alive, or nothing after an orderly end. `$1` is a directory to remove, or nothing; the rest is
// the command that ends what is listed.
const script = `
trap '' INT TERM HUP
directory=$1
shift
alive=
while IFS= read -r line; do alive=$line; done
[ -z "$alive" ] || "$@" $alive >/dev/null 2>&1
[ -z "$directory" ] || { [ -z "$alive" ] || sleep 1; rm -rf -- "$directory"; }
`
const killPids = ['kill', '-s', 'KILL', '--'] as const

export class OrphanGuard {
  readonly #alive = new Set<number | string>()
  readonly #shell: ChildProcess

  /**
   * `temporaryDirectory` is removed when this process has ended, in whatever way. `end` is the command that ends what is listed;
   * by default it kills pids (and groups, by their negative number).
   */
  constructor(options: { log: Logger; temporaryDirectory?: string; end?: readonly string[] }) {
    const { temporaryDirectory = '', end = killPids } = options
    this.#shell = spawn('sh', ['-c', script, 'heartline-orphan-guard', temporaryDirectory, ...end], {
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

  /** From now on `child` dies with us: a pid, a group of processes if it is negative, or a name without spaces. */
  add(child: number | string): void {
    this.#alive.add(child)
    this.#tell()
  }

  /** `child` has ended; its number may soon belong to a stranger. */
  remove(child: number | string): void {
    if (this.#alive.delete(child)) this.#tell()
  }

  /** Ends the guard; what is still listed is killed. Resolves when it is gone, its directory removed. */
  async close(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.pid === undefined) return
    const exited = new Promise<void>((resolve) => this.#shell.once('exit', () => resolve()))
    this.#shell.ref()
    this.#shell.stdin?.end()
    await exited
  }

  #tell(): void {
    if (this.#shell.stdin?.writable) this.#shell.stdin.write(`${[...this.#alive].join(' ')}\n`)
  }
}
