/** A terminal for tests and recordings: a process in a real pseudo-terminal, and what stands on its screen. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import xterm from '@xterm/headless'

/** Why a pseudo-terminal cannot be had here; false if it can. In CI there must be one. */
export const noTerminal: string | false =
  process.env.CI || spawnSync('python3', ['-c', 'import pty']).status === 0
    ? false
    : 'python3 with its module pty is missing'

// Runs a command in a pseudo-terminal. Standard input: `{"type": TEXT}` and `{"size": [COLUMNS, ROWS]}`, a line each. Standard output: what it prints.
const python = `
import fcntl, json, os, pty, select, struct, sys, termios
def resize(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
pid, master = pty.fork()
if pid == 0:
    resize(0, int(sys.argv[1]), int(sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])
rest, listening = b'', [0, master]
while True:
    ready, _, _ = select.select(listening, [], [])
    if 0 in ready:
        data = os.read(0, 65536)
        if not data: listening.remove(0)
        *lines, rest = (rest + data).split(b'\\n')
        for line in lines:
            order = json.loads(line)
            if 'type' in order: os.write(master, order['type'].encode())
            else: resize(master, *order['size'])
    if master in ready:
        try: data = os.read(master, 65536)
        except OSError: break
        if not data: break
        os.write(1, data)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
`

export interface TestTerminalOptions {
  readonly command: readonly [string, ...string[]]
  readonly columns: number
  readonly rows: number
  readonly env?: Record<string, string | undefined>
  /** Gets each piece of output after the screen has taken it. */
  readonly onOutput?: (text: string) => void
}

export class TestTerminal {
  readonly screen: xterm.Terminal
  /** All that was printed. */
  output = ''
  readonly #child: ChildProcess
  readonly #exited: Promise<number | null>
  #waiting: (() => void)[] = []

  constructor({ command, columns, rows, env = {}, onOutput }: TestTerminalOptions) {
    this.screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 5_000 })
    this.#child = spawn('python3', ['-c', python, String(columns), String(rows), ...command], {
      env: { ...process.env, TERM: 'xterm-256color', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text
      this.screen.write(text, () => {
        onOutput?.(text)
        for (const wake of this.#waiting.splice(0)) wake()
      })
    })
    this.#exited = new Promise((resolve) => this.#child.once('close', (code) => resolve(code)))
  }

  /** The lines that stand on the screen now. */
  get lines(): string[] {
    const { active } = this.screen.buffer
    return Array.from({ length: this.screen.rows }, (_, row) =>
      (active.getLine(active.viewportY + row)?.translateToString(true) ?? '').trimEnd(),
    )
  }

  get text(): string {
    return this.lines.join('\n')
  }

  type(text: string): void {
    this.#child.stdin!.write(`${JSON.stringify({ type: text })}\n`)
  }

  resize(columns: number, rows: number): void {
    this.screen.resize(columns, rows)
    this.#child.stdin!.write(`${JSON.stringify({ size: [columns, rows] })}\n`)
  }

  /** Resolves when `check` holds of the screen; rejects with what stands there if it does not in time. */
  async until(check: (terminal: TestTerminal) => boolean, timeoutMs = 20_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!check(this)) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) throw new Error(`not in ${timeoutMs} ms; the screen:\n${this.text}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, 200))
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** The exit code of the command. */
  exited(): Promise<number | null> {
    return this.#exited
  }

  /** Ends it, if it still runs. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL') // its terminal is gone with it: SIGHUP ends the command
    await this.#exited
    this.screen.dispose()
  }
}
