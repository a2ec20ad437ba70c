/** Where a scene is played: a copy of the repository, and a network of its own where this system allows one, so that default ports are free. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { root } from './all-documents.ts'

const run = promisify(execFile)
/** What a network of one's own has beside loopback: the addresses that documents take for examples. */
const addresses = ['10.0.0.1/8', '10.0.0.2/8', '10.0.0.3/8']
const keptOutputChars = 20_000

export interface Stage {
  readonly directory: string
  /** Whether it has a network of its own. */
  readonly ownNetwork: boolean
  /** Runs a command in a shell, as a reader would. */
  run(command: string): RunningCommand
  close(): Promise<void>
}

export interface RunningCommand {
  /** What it printed, on both of its outputs; the end of it, if that is much. */
  output(): string
  /** Resolves with the exit code (128 + signal if it was killed) when it has ended and its outputs are closed. */
  readonly ended: Promise<number>
  /** Resolves true once the output matches, false when it ended before or the time is over. */
  printed(pattern: RegExp, withinMs: number): Promise<boolean>
  /** To the program itself, past the shells and the npm that started it: npm hands a signal to its shell only, which does not pass it on. */
  signal(name: NodeJS.Signals): Promise<void>
}

/** Makes a stage; `files` are put into the copy. */
export async function openStage(files: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-documents-'))
  const copy = join(directory, 'heartline')
  const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    maxBuffer: 2 ** 24,
  })
  const paths = stdout.split('\0').filter((path) => path !== '' && path !== 'node_modules' && !path.endsWith('/libs'))
  await Promise.all(paths.map((path) => cp(join(root, path), join(copy, path)).catch(ignoreMissing)))
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(copy, path)), { recursive: true })
    await writeFile(join(copy, path), text)
  }
  const network = await openNetwork()
  const running = new Set<ChildProcess>()
  return {
    directory: copy,
    ownNetwork: network !== undefined,
    run: (command) => start(command, copy, network?.pid, running),
    close: async () => {
      for (const child of running) killGroup(child, 'SIGKILL')
      if (network) killGroup(network, 'SIGKILL')
      await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    },
  }
}

/** A file may be deleted and still be in the index. */
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

/** A process that does nothing but keep a network namespace (`network_namespaces(7)`); undefined where there can be none. */
async function openNetwork(): Promise<ChildProcess | undefined> {
  const own = process.getuid?.() === 0 ? [] : ['--map-root-user', '--user']
  const script = ['ip link set lo up', ...addresses.map((address) => `ip addr add ${address} dev lo`), 'echo open']
  const holder = spawn('unshare', [...own, '--net', 'sh', '-c', `${script.join(' && ')} && exec cat`], {
    stdio: ['pipe', 'pipe', 'ignore'], // when we die, so does its input, and it ends
    detached: true,
  })
  const opened = await new Promise<boolean>((resolve) => {
    holder.once('error', () => resolve(false))
    holder.once('exit', () => resolve(false))
    holder.stdout!.once('data', () => resolve(true))
  })
  return opened ? holder : undefined
}

function start(
  command: string,
  directory: string,
  network: number | undefined,
  running: Set<ChildProcess>,
): RunningCommand {
  // The last shell gives its place to the command where it can, so that a signal reaches it.
  const shell = ['sh', '-c', 'cd "$0" && exec sh -c "$1"', directory, command]
  const own = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials']
  const inside = network === undefined ? [] : ['nsenter', '--target', String(network), ...own, '--net']
  const [program, ...args] = [...inside, ...shell]
  const child = spawn(program!, args, {
    env: environment(),
    detached: true, // with all that it starts, so that nothing of it is left
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let text = ''
  let news = () => {}
  for (const stream of [child.stdout!, child.stderr!])
    createInterface({ input: stream }).on('line', (line) => {
      text = `${text}${line}\n`.slice(-keptOutputChars)
      news()
    })
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127))
    child.once('close', (code) => {
      running.delete(child)
      resolve(code ?? 128)
      news()
    })
  })
  const printed = async (pattern: RegExp, withinMs: number) => {
    const deadline = AbortSignal.timeout(withinMs)
    while (!pattern.test(text)) {
      if (deadline.aborted || !running.has(child)) return false
      await new Promise<void>((resolve) => {
        news = resolve
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    return true
  }
  return { output: () => text, ended, printed, signal: (name) => signalProgram(child.pid!, name) }
}

/** Down from `pid` to the first process that is no shell and no npm. */
async function signalProgram(pid: number, signal: NodeJS.Signals): Promise<void> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,args='], { maxBuffer: 2 ** 24 })
  const processes = stdout.split('\n').flatMap((line) => {
    const [, own, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return own === undefined ? [] : [{ pid: Number(own), parent: Number(parent), args: args! }]
  })
  const isStarter = (args: string) => /^(\S*\/)?(sh|npm|nsenter)\b|^node \S*\/npm\b/.test(args)
  let found = processes.find((process) => process.pid === pid)
  while (found && isStarter(found.args)) {
    const child = processes.find(({ parent }) => parent === found!.pid)
    if (!child) break
    found = child
  }
  if (found) process.kill(found.pid, signal)
}

/** The reader's, without what says that this is a test, and with the project's own Node. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _test, NODE_OPTIONS: _options, ...rest } = process.env
  const kept = Object.entries(rest).filter(([name]) => !/^(HEARTLINE|npm)_/.test(name))
  return { ...Object.fromEntries(kept), PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
