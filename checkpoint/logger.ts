/** The log of a process: JSON lines by pino, readable when standard output is a terminal. */
import { destination, type Logger, pino } from 'pino'
import type { LogLevel } from './config.ts'

const secretNames = ['token', 'authorization', 'password', '["x-heartline-token"]', '["idempotency-key"]']
/** Paths that never reach the log, wherever within three levels they stand. */
export const redactedPaths = secretNames.flatMap((name) => {
  const tail = name.startsWith('[') ? name : `.${name}`
  return [name, `*${tail}`, `*.*${tail}`]
})

/** The log of a library whose user gave it none: JSON lines on standard error. */
export function libraryLogger(level: LogLevel = 'warn'): Logger {
  return pino({ level, redact: { paths: redactedPaths, censor: '[redacted]' } }, destination({ fd: 2, sync: true }))
}

/** Unix milliseconds with tenths. */
function tenths(): string {
  return `,"time":${(performance.timeOrigin + performance.now()).toFixed(1)}`
}

/** How lines look on a terminal, beside pino-pretty's own way. */
export interface TerminalLook {
  /** Writes text to the terminal; default straight to it. */
  readonly write?: (text: string) => void
  /** How a line is shown that is more than a line, with its end of line; undefined for all others. */
  readonly block?: (line: Record<string, unknown>) => string | undefined
}

/** Writes synchronously: the last line before a crash is the one that matters. */
export async function createLogger(
  level: LogLevel,
  output: { fd: 1 | 2; isTTY?: boolean; hasColors?(): boolean },
  { write, block = () => undefined }: TerminalLook = {},
): Promise<Logger> {
  const settings = {
    ...{ level, redact: { paths: redactedPaths, censor: '[redacted]' } },
    // Who looks that closely wants to compare the steps of several processes.
    ...(level === 'debug' || level === 'trace' ? { timestamp: tenths } : {}),
  }
  if (output.isTTY !== true) return pino(settings, destination({ fd: output.fd, sync: true }))
  const { prettyFactory } = await import('pino-pretty')
  const format = prettyFactory({
    colorize: output.hasColors?.() ?? false, // it knows NO_COLOR
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname,process,event',
    messageFormat: '{if process}{process}: {end}{msg}',
  })
  const terminal = destination({ fd: output.fd, sync: true })
  const show = write ?? ((text: string) => void terminal.write(text))
  return pino(settings, { write: (text) => show(block(JSON.parse(text)) ?? format(text)) })
}
