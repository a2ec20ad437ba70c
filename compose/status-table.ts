/** The status as a person reads it. Pure. */
import type { BackendView } from '../heartbeat-receiver/protocol.ts'
import { describeDuration } from './duration-text.ts'
import type { ReceiverState, Status } from './status.ts'

/** One row per backend, the active first; `nowMs` is Unix milliseconds. */
export function statusTable(status: Status, nowMs: number): string {
  const epoch = Math.max(0, ...status.decisions.map((decision) => decision.epoch))
  const active = status.backends.find((backend) => backend.active)
  const since = active?.activeSinceMs ? ` for ${describeDuration(nowMs - active.activeSinceMs)}` : ''
  const heading = active
    ? `${active.name} is active${since}, epoch ${epoch}`
    : `no backend is active${epoch > 0 ? `; the last decision was epoch ${epoch}` : ''}`
  const head = status.receivers.length > 1 ? `${heading}\n${describeReceivers(status.receivers)}` : heading
  if (status.backends.length === 0) return `${head}\nno backend is there`
  const rows = status.backends
    .toSorted((a, b) => Number(b.active) - Number(a.active) || a.name.localeCompare(b.name))
    .map((backend) => [
      backend.name,
      describePhase(backend),
      backend.active ? 'yes' : '',
      backend.activeSinceMs === null ? '' : new Date(backend.activeSinceMs).toISOString(),
      String(backend.offset),
      describeLag(backend),
      `${Math.round(backend.silentMs)} ms`,
      backend.url,
    ])
  return `${head}\n\n${columns([['BACKEND', 'PHASE', 'CHOSEN', 'ACTIVE SINCE', 'OFFSET', 'BEHIND', 'SILENT', 'URL'], ...rows])}`
}

/** Which of several decides, and which cannot be asked. */
function describeReceivers(receivers: readonly ReceiverState[]): string {
  const states = receivers.map(({ url, leads, problem }) => `${url} ${problem ?? (leads ? 'leads' : 'follows')}`)
  return `receivers: ${states.join(', ')}${receivers.some(({ leads }) => leads) ? '' : '; none leads'}`
}

/** A receiver of an older version tells no progress. */
function describePhase({ alive, phase, progress, draining }: BackendView): string {
  if (!alive) return 'dead'
  const shown = progress ? `${phase} ${Math.floor(progress.ratio * 100)} %` : phase
  return draining ? `${shown}, draining` : shown
}

function describeLag({ lag, progress }: BackendView): string {
  const remainingMs = progress?.remainingMs ?? null
  return remainingMs === null ? String(lag) : `${lag} (${describeDuration(Math.max(remainingMs, 1_000))})`
}

function columns(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
