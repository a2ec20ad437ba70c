/** How the log looks on a terminal: a crash is a block, and what is pinned to the bottom of the screen stays there. */
import type { TerminalLook } from '../../checkpoint/logger.ts'
import { crashOfLine, crashText } from '../crash-line.ts'
import { screen } from './screen.ts'
import { terminalPaint } from './terminal-paint.ts'

export function terminalLook(output: NodeJS.WriteStream): TerminalLook {
  const paint = terminalPaint(output)
  return {
    write: (text) => screen.print(text, output),
    block: (line) => {
      const crash = crashOfLine(line)
      return crash && crashText(crash, Number(line.time), { columns: output.columns || 80 }, paint)
    },
  }
}
