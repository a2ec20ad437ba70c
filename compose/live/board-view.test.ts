import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { BoardView } from './board-view.ts'
import { Screen } from './screen.ts'
import { terminalPaint } from './terminal-paint.ts'

test('a view that is stopped before it is drawn gives the cursor back', async () => {
  let output = ''
  const write = (text: string) => {
    output += text
  }
  const screen = new Screen(Object.assign(new EventEmitter(), { isTTY: true, columns: 80, rows: 24, write }))
  const view = new BoardView({ source: { receivers: [] }, screen, colours: terminalPaint(process.stdout) })
  const ended = view.start()
  view.stop({ keep: false })
  await ended
  assert.ok(output.lastIndexOf('\u001b[?25h') >= output.lastIndexOf('\u001b[?25l'))
})
