import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import xterm from '@xterm/headless'
import fc from 'fast-check'
import { type Draw, Screen } from './screen.ts'

const cursor = { hide: '\u001b[?25l', show: '\u001b[?25h' } as const
const together = { begin: '\u001b[?2026h', end: '\u001b[?2026l' } as const

/** A terminal without a process: what is written to it stands on an emulated screen. */
class FakeTerminal extends EventEmitter {
  readonly isTTY = true
  readonly writes: string[] = []
  readonly emulator: xterm.Terminal

  columns: number
  rows: number

  constructor(columns: number, rows: number) {
    super()
    this.columns = columns
    this.rows = rows
    this.emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true })
  }

  write(text: string): void {
    this.writes.push(text)
    this.emulator.write(text)
  }

  resize(columns: number, rows: number): void {
    this.columns = columns
    this.rows = rows
    this.emulator.resize(columns, rows)
    this.emit('resize')
  }

  /** All lines, those that scrolled away too, without blanks at their ends and blank ones at the end. */
  async lines(): Promise<string[]> {
    await new Promise<void>((resolve) => this.emulator.write('', resolve))
    const { active } = this.emulator.buffer
    const lines = Array.from(
      { length: active.length },
      (_, row) => active.getLine(row)?.translateToString().trimEnd() ?? '',
    )
    return lines.slice(0, lines.findLastIndex((line) => line.trim() !== '') + 1)
  }
}

/** Resolves after what `refresh` has put off: timers run in the order in which they are due. */
const frame = () => sleep(2)

async function pinned(t: TestContext, draw: Draw, [columns, rows] = [40, 10] as const) {
  const terminal = new FakeTerminal(columns, rows)
  const screen = new Screen(terminal, { frameMs: 1 })
  await screen.pin(draw)
  t.after(() => {
    screen.unpin({ keep: false })
    terminal.emulator.dispose()
  })
  return { terminal, screen, frame }
}

test('a picture is redrawn in place, all of it at once', async (t) => {
  let lines = ['one', 'two']
  const { terminal, screen } = await pinned(t, () => lines)
  lines = ['one', 'TWO']
  screen.refresh()
  screen.refresh()
  const before = terminal.writes.length
  await frame()
  assert.deepEqual(await terminal.lines(), ['one', 'TWO'])
  assert.equal(terminal.writes.length, before + 1)
  const [written] = terminal.writes.slice(-1)
  assert.ok(written!.startsWith(together.begin) && written!.endsWith(together.end))
})

test('what has not changed is not written again', async (t) => {
  const { terminal, screen } = await pinned(t, () => ['same'])
  const before = terminal.writes.length
  screen.refresh()
  await frame()
  assert.equal(terminal.writes.length, before)
})

test('lines are printed above it and stay', async (t) => {
  const { terminal, screen } = await pinned(t, () => ['picture'])
  screen.print('first\n', terminal)
  screen.print('second\n', terminal)
  assert.deepEqual(await terminal.lines(), ['first', 'second', 'picture'])
})

test('what goes elsewhere goes there, and the picture stays', async (t) => {
  const { terminal, screen } = await pinned(t, () => ['picture'])
  const written: string[] = []
  screen.print('to a file\n', { isTTY: false, write: (text: string) => written.push(text) })
  assert.deepEqual([written, await terminal.lines()], [['to a file\n'], ['picture']])
})

test('a picture whose last change is a line that became empty takes none of what was printed above', async (t) => {
  let lines = ['head', 'a', 'a', 'end']
  const { terminal, screen } = await pinned(t, () => lines)
  screen.print('printed\n', terminal)
  lines = ['head', 'b', '', 'end']
  screen.refresh()
  await frame()
  lines = ['head']
  screen.refresh()
  await frame()
  assert.deepEqual(await terminal.lines(), ['printed', 'head'])
})

test('a picture of any height after another leaves nothing of the one before', async () => {
  const picture = fc.array(fc.constantFrom('a', 'b', 'c', 'd', ''), { minLength: 1, maxLength: 9 })
  await fc.assert(
    fc.asyncProperty(fc.array(picture, { minLength: 2, maxLength: 6 }), async (frames) => {
      let now = frames[0]!
      const terminal = new FakeTerminal(20, 10)
      const screen = new Screen(terminal, { frameMs: 1 })
      await screen.pin(() => [...now, 'end'].slice(-9))
      for (const [index, lines] of frames.entries()) {
        now = lines
        if (index % 2 === 0) screen.print(`line ${index}\n`, terminal)
        screen.refresh()
        await frame()
      }
      const expected = [
        ...frames.flatMap((_, index) => (index % 2 === 0 ? [`line ${index}`] : [])),
        ...[...frames.at(-1)!, 'end'].slice(-9),
      ]
      assert.deepEqual(await terminal.lines(), expected)
      screen.unpin({ keep: false })
      assert.deepEqual(
        await terminal.lines(),
        frames.flatMap((_, index) => (index % 2 === 0 ? [`line ${index}`] : [])),
      )
      terminal.emulator.dispose()
    }),
    { numRuns: 40 },
  )
})

test('it never asks for more than the terminal has, and is asked again when that changes', async (t) => {
  const { terminal } = await pinned(t, ({ columns, rows }) => [`${columns} x ${rows}`, 'x'.repeat(columns)])
  for (const [columns, rows] of [
    [20, 5],
    [60, 20],
    [30, 8],
  ] as const) {
    terminal.resize(columns, rows)
    const lines = await terminal.lines()
    assert.deepEqual(lines, [`${columns} x ${rows - 1}`, 'x'.repeat(columns)])
  }
})

test('the cursor is hidden while it is pinned, and comes back', async (t) => {
  const { terminal, screen } = await pinned(t, () => ['picture'])
  assert.ok(terminal.writes.join('').includes(cursor.hide))
  assert.equal(terminal.writes.join('').includes(cursor.show), false)
  const listeners = process.listenerCount('exit')
  screen.unpin({ keep: true })
  assert.ok(terminal.writes.at(-1)!.includes(cursor.show))
  assert.equal(process.listenerCount('exit'), listeners - 1)
  assert.deepEqual(await terminal.lines(), ['picture'])
})

test('nothing is drawn once it is taken away', async (t) => {
  const { terminal, screen } = await pinned(t, () => ['picture'])
  screen.refresh()
  screen.unpin({ keep: false })
  const before = terminal.writes.length
  screen.refresh()
  await frame()
  assert.equal(terminal.writes.length, before)
  assert.deepEqual(await terminal.lines(), [])
})
