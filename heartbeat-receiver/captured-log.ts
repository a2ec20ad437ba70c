/** For tests: a log whose lines can be read. */
import { type Logger, pino } from 'pino'

export interface LogLine {
  level: number
  msg: string
  event?: string
  [key: string]: unknown
}

export function capturedLog(): { log: Logger; lines: LogLine[] } {
  const lines: LogLine[] = []
  const log = pino({ level: 'trace', base: null }, { write: (text: string) => void lines.push(JSON.parse(text)) })
  return { log, lines }
}
