/** Logs of simulated processes: nothing at all, which costs nothing; or lines in the story of a world. */
import type { Logger } from 'pino'

type Write = (level: string, line: string) => void

function create(write: Write | null): Logger {
  const method = (level: string) =>
    write === null
      ? () => undefined
      : (fields: unknown, message?: string) =>
          write(level, message ?? (typeof fields === 'string' ? fields : describe(fields)))
  const log: Record<string, unknown> = { level: write === null ? 'silent' : 'debug', child: () => log }
  for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace']) log[level] = method(level)
  return log as unknown as Logger
}

function describe(fields: unknown): string {
  const { err, event } = fields as { err?: Error; event?: string }
  return err?.message ?? event ?? ''
}

/** Writes nothing. */
export const silentLog = create(null)

/** Writes each line to a story, with the reason if it has one. */
export function storyLog(write: Write): Logger {
  return create(write)
}
