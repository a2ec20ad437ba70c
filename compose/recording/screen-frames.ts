/** The pictures of an emulated terminal, as they are drawn in an SVG. */
import type { IBufferCell, Terminal } from '@xterm/headless'
import type { Frame, Look, Run } from './terminal-svg.ts'

const paletteLooks: Readonly<Record<number, Look>> = { 1: 'red', 2: 'green', 3: 'yellow', 6: 'cyan' }

/** What stands on the screen now. */
export function frameOf(terminal: Terminal, atMs: number): Frame {
  const { active } = terminal.buffer
  const lines = Array.from({ length: terminal.rows }, (_, row) => runsOf(terminal, active.viewportY + row))
  return { atMs, lines }
}

/** At most one in `gapMs`, the last always; those that look as the one before are left out, and no pause is longer than `pauseMsMax`. */
export function thinned(frames: readonly Frame[], gapMs: number, pauseMsMax: number): Frame[] {
  const kept: Frame[] = []
  let seen = ''
  let shiftMs = 0
  for (const [index, frame] of frames.entries()) {
    const next = frames[index + 1]
    const looks = JSON.stringify(frame.lines)
    if (
      looks === seen ||
      (next && next.atMs - frame.atMs < gapMs && frame.atMs - shiftMs - (kept.at(-1)?.atMs ?? -gapMs) < gapMs)
    )
      continue
    seen = looks
    const beforeMs = kept.at(-1)?.atMs ?? frame.atMs - shiftMs
    shiftMs += Math.max(0, frame.atMs - shiftMs - beforeMs - pauseMsMax)
    kept.push({ ...frame, atMs: frame.atMs - shiftMs })
  }
  return kept
}

function runsOf(terminal: Terminal, row: number): Run[] {
  const line = terminal.buffer.active.getLine(row)
  const runs: { column: number; text: string; width: number; look: Look[] }[] = []
  for (let column = 0; line && column < terminal.cols; column++) {
    const cell = line.getCell(column)
    if (!cell || cell.getWidth() === 0) continue
    const [text, look, width] = [cell.getChars() || ' ', looksOf(cell), cell.getWidth()]
    const last = runs.at(-1)
    // Fonts differ most in what is no ASCII: such a run stands alone.
    const alike = last && last.look.join() === look.join() && /^[ -~]*$/.test(last.text) === /^[ -~]$/.test(text)
    if (alike && last.column + last.width === column) {
      last.text += text
      last.width += width
    } else runs.push({ column, text, width, look })
  }
  return runs
    .filter(({ text }) => text.trim() !== '')
    .map((run) => ({
      ...run,
      text: run.text.trimEnd(),
      width: run.width - (run.text.length - run.text.trimEnd().length),
    }))
}

function looksOf(cell: IBufferCell): Look[] {
  const colour = cell.isFgPalette() ? paletteLooks[cell.getFgColor()] : undefined
  return [
    ...(cell.isBold() ? (['bold'] as const) : []),
    ...(cell.isDim() ? (['dim'] as const) : []),
    ...(colour ? [colour] : []),
  ]
}
