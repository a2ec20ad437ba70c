#!/usr/bin/env node
/** The command line: alone touches arguments, environment, signals and the exit code. */
import { readFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import type { Logger } from 'pino'
import type { LogLevel } from '../checkpoint/config.ts'
import { createLogger } from '../checkpoint/logger.ts'
import { packageVersion } from '../heartbeat-receiver/version.ts'
import { type Command, type CommandEntry, commands } from './commands.ts'
import { describeFailure } from './failure.ts'
import { describeFlags, describeUsage, nearest, readFlags } from './flags.ts'
import { withTokenFile } from './token-file.ts'

const exitCodes = { fine: 0, failed: 1, usage: 2 } as const
const closeTimeoutMs = 10_000
/** After the work is done, how long a forgotten socket may keep the process. */
const lingerMs = 250

async function main(argv: string[]): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') return print(overview())
  if (name === '--version') return print(`heartline ${packageVersion()}`)
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!entry) {
    const near = nearest(name, Object.keys(commands))
    return usage('heartline', [
      `unknown command ${name}; ${near ? `did you mean ${near}?` : 'heartline --help lists them'}`,
    ])
  }
  return runCommand(name, entry, rest)
}

async function runCommand(name: string, entry: CommandEntry, argv: string[]): Promise<number> {
  const command = await entry.load()
  let environment: Record<string, string | undefined>
  try {
    environment = environmentFor(command)
  } catch (error) {
    fail(name, error, 'info')
    return exitCodes.usage
  }
  const read = readFlags(command.options, argv, environment)
  if (read.kind === 'help')
    return print(
      `heartline ${name} ${entry.summary}\n\nUsage: heartline ${name} ${describeUsage(command.options)}\n\n${describeFlags(command.options)}`,
    )
  if (read.kind === 'problems') return usage(`heartline ${name}`, read.problems)

  const level = read.values.logLevel as LogLevel
  const output = entry.logs === 'stderr' ? process.stderr : process.stdout
  const look = output.isTTY ? (await import('./live/terminal-look.ts')).terminalLook(output) : {}
  const log = await createLogger(level, output, look)
  logWarnings(log)
  const signal = endOnSignals(entry.closeTimeoutMs ?? closeTimeoutMs, log)
  try {
    return await command.run(read.values, log, signal)
  } catch (error) {
    if (signal.aborted && error === signal.reason) return exitCodes.fine
    fail(name, error, level)
    return exitCodes.failed
  }
}

/** A token in a file counts for the commands that take one; what is wrong with it must not keep others from running. */
function environmentFor({ options }: Command): Record<string, string | undefined> {
  return 'token' in options.shape ? withTokenFile(process.env, (path) => readFileSync(path, 'utf8')) : process.env
}

/** The first signal asks for an orderly end, with a deadline; the second ends at once. */
function endOnSignals(timeoutMs: number, log: Logger): AbortSignal {
  const ending = new AbortController()
  const onSignal = (name: NodeJS.Signals) => {
    if (ending.signal.aborted) process.exit(exitCodes.failed)
    log.info({ event: 'ending', signal: name }, 'ending in order; once more ends at once')
    const deadline = setTimeout(() => {
      log.error({ timeoutMs }, 'did not end in order in time')
      process.exit(exitCodes.failed)
    }, timeoutMs)
    deadline.unref()
    ending.abort(new DOMException(`ended by ${name}`, 'AbortError'))
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
  return ending.signal
}

/** Node's warnings become log lines. */
function logWarnings(log: Logger): void {
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    const level = expected(warning) ? 'debug' : 'warn'
    log[level]({ warning: warning.name }, warning.message)
  })
}

/** kafkajs 2.2.4 asks for timers in the past; Node runs them at once, as is meant. Types are stripped from the page in the repository only. */
function expected({ name, message }: Error): boolean {
  return name === 'TimeoutNegativeWarning' || message.startsWith('stripTypeScriptTypes')
}

function fail(name: string, error: unknown, level: LogLevel): void {
  const verbose = level === 'debug' || level === 'trace'
  process.stderr.write(`heartline ${name}: ${describeFailure(error, { verbose })}\n`)
}

function usage(who: string, problems: string[]): number {
  process.stderr.write(`${problems.map((problem) => `${who}: ${problem}`).join('\n')}\n`)
  return exitCodes.usage
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return exitCodes.fine
}

function overview(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  return `heartline keeps a stateful HTTP service alive when its server dies\n\nUsage: heartline <command> [options]\n\n${rows.join('\n')}\n\nheartline <command> --help lists its options. A flag beats its environment variable, which beats the default.`
}

// A broken invariant ends the process, and a standby takes over.
const crash = (error: unknown) => {
  process.stderr.write(`heartline: ${describeFailure(error, { verbose: true })}\n`)
  process.exit(exitCodes.failed)
}
process.on('uncaughtException', crash)
process.on('unhandledRejection', (error) => {
  // kafkajs leaves promises behind when a client of it is let go (#1686); what we wait for has its own deadline.
  if (error instanceof Error && error.name.startsWith('KafkaJS'))
    process.emitWarning(error.message, { type: error.name })
  else crash(error)
})

enableCompileCache() // a server that restarts under load must not spend its first second on compiling
process.exitCode = await main(process.argv.slice(2))
setTimeout(() => process.exit(), lingerMs).unref()
