import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sampleBoard } from '../../heartbeat-receiver/dashboard/sample-board.ts'
import { startTestBoardServer } from './test-board-server.ts'
import { noTerminal, TestTerminal } from './test-terminal.ts'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
const sizes = { columns: 80, rows: 30 } as const
const cursor = { hidden: '\u001b[?25l', shown: '\u001b[?25h' } as const
const interrupt = '\u0003'
const colours = [1, 2, 31, 32, 33].map((code) => `\u001b[${code}m`)
const isColoured = (text: string) => colours.some((colour) => text.includes(colour))

function watch(
  t: TestContext,
  receivers: string,
  env: Record<string, string | undefined> = {},
  size: { columns: number; rows: number } = sizes,
) {
  const command = [process.execPath, main, 'status', '--watch', '--receivers', receivers] as const
  const terminal = new TestTerminal({
    command,
    ...size,
    env: { NO_COLOR: undefined, FORCE_COLOR: undefined, CI: undefined, ...env },
  })
  t.after(() => terminal.close())
  return terminal
}

/** Without a terminal: the lines that it prints. */
function watchPlainly(t: TestContext, receivers: string, ...flags: string[]) {
  const child = spawn(process.execPath, [main, 'status', '--watch', '--receivers', receivers, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const exited = once(child, 'exit').then(([code]) => code as number)
  return { child, exited, next: async () => String((await lines.next()).value) }
}

const shows = (pattern: RegExp) => (terminal: TestTerminal) => pattern.test(terminal.text)

describe('status --watch on a terminal', { skip: noTerminal }, () => {
  it('draws the board, redraws what changes in place, and is as wide and high as the terminal', async (t) => {
    const server = await startTestBoardServer(t)
    const terminal = watch(t, server.url)
    await terminal.until(shows(/backend-2 is active, epoch 8/))
    server.tell('changes', { atMs: Date.now(), shards: [{ shard: 0, epoch: 9, active: 'backend-3', sinceMs: null }] })
    await terminal.until(shows(/backend-3 is active, epoch 9/))
    assert.equal(terminal.lines.filter((line) => line.startsWith('Heartline')).length, 1)
    assert.ok(terminal.lines.length <= sizes.rows)
  })

  it('ends with Ctrl-C, exit 0: the last picture stays, and the cursor comes back', async (t) => {
    const server = await startTestBoardServer(t)
    const terminal = watch(t, server.url)
    await terminal.until(shows(/backend-2 is active/))
    assert.ok(terminal.output.includes(cursor.hidden))
    terminal.type(interrupt)
    assert.equal(await terminal.exited(), 0)
    assert.ok(terminal.output.lastIndexOf(cursor.shown) > terminal.output.lastIndexOf(cursor.hidden))
    assert.match(terminal.text, /backend-2 is active/)
  })

  it('gives the cursor back when it crashes', async (t) => {
    const server = await startTestBoardServer(t)
    const terminal = watch(t, server.url)
    await terminal.until(shows(/backend-2 is active/))
    server.tell('changes', { atMs: Date.now(), shards: 'no shards' as never })
    assert.equal(await terminal.exited(), 1)
    assert.ok(terminal.output.lastIndexOf(cursor.shown) > terminal.output.lastIndexOf(cursor.hidden))
  })

  it('is drawn anew where the terminal becomes another size, with nothing left of what was', async (t) => {
    const server = await startTestBoardServer(t)
    const terminal = watch(t, server.url)
    await terminal.until(shows(/backend-2 is active/))
    for (const [columns, rows] of [
      [60, 24],
      [120, 40],
      [40, 12],
    ] as const) {
      terminal.resize(columns, rows)
      const clock = columns - 'hh:mm:ss'.length
      await terminal.until(({ lines }) =>
        lines.some(
          (line) => line.startsWith('Heartline') && line.length === columns && /^\d\d:/.test(line.slice(clock)),
        ),
      )
      await terminal.until(({ lines }) => lines.filter((line) => line.startsWith('Heartline')).length === 1)
    }
  })

  it('has no colours under NO_COLOR, and says the same', async (t) => {
    const server = await startTestBoardServer(t)
    const [plain, coloured] = [watch(t, server.url, { NO_COLOR: '1' }), watch(t, server.url)]
    for (const terminal of [plain, coloured]) await terminal.until(shows(/✖ backend-1 +gone/))
    assert.equal(isColoured(plain.output), false)
    assert.equal(isColoured(coloured.output), true)
  })

  it('draws nothing on a dumb terminal: there it prints lines', async (t) => {
    const server = await startTestBoardServer(t)
    const terminal = watch(t, server.url, { TERM: 'dumb' })
    await terminal.until(shows(/ backend-2 is active, epoch 8/))
    assert.equal(terminal.output.includes(cursor.hidden), false)
  })

  it('says when its receiver is gone, goes to another, and draws what that one tells', async (t) => {
    const [one, other] = [await startTestBoardServer(t), await startTestBoardServer(t, { leads: false })]
    const terminal = watch(t, `${one.url},${other.url}`)
    await terminal.until(shows(/receiver-1 decides/))
    assert.deepEqual([one.followers, other.followers], [1, 0])
    await one.close()
    await other.followed()
    await other.close()
    await terminal.until(shows(/no receiver answers|looking for a receiver/))
  })
})

describe('status --watch without a terminal', () => {
  it('prints a line for each change that matters, with its time, and no figures', async (t) => {
    const server = await startTestBoardServer(t)
    const { next, child, exited } = watchPlainly(t, server.url)
    const lines = []
    do lines.push(await next())
    while (!lines.at(-1)!.includes('127.0.0.1:7072'))
    assert.match(lines[1]!, /^\d\d:\d\d:\d\d\.\d{3} backend-2 is active, epoch 8$/)
    server.tell('changes', { atMs: Date.now(), figures: [[1, 48_900, 3, 1, 2, 0.1, 0.2]] })
    server.tell('changes', { atMs: Date.now(), journal: { reachable: false, offset: 0, recordsPerSecond: 0 } })
    assert.match(await next(), / no backend reaches the journal$/)
    child.kill('SIGINT')
    assert.equal(await exited, 0)
  })

  it('prints what others say without what steers a terminal', async (t) => {
    const board = sampleBoard(Date.now())
    const receiver = { ...board.receiver, name: 'receiver\u001b]0;mine\u0007\u001b[2J\u009b2J-1' }
    const server = await startTestBoardServer(t, { board: { ...board, receiver } })
    const { next } = watchPlainly(t, server.url)
    assert.match(await next(), / as receiver-1 sees it$/)
  })

  it('ends in order when nobody reads it any more, as in `| head -1`', async (t) => {
    const server = await startTestBoardServer(t)
    const { next, child, exited } = watchPlainly(t, server.url)
    await next()
    child.stdout.destroy()
    await once(child.stdout, 'close')
    server.tell('changes', { atMs: Date.now(), shards: [{ shard: 0, epoch: 9, active: 'backend-3', sinceMs: null }] })
    server.tell('changes', { atMs: Date.now(), journal: { reachable: false, offset: 0, recordsPerSecond: 0 } })
    assert.equal(await exited, 0)
  })

  it('with --json prints the board, and then each change, a line each', async (t) => {
    const server = await startTestBoardServer(t)
    const { next } = watchPlainly(t, server.url, '--json')
    const first = JSON.parse(await next())
    assert.deepEqual([first.receiver, first.board.receiver.name], [server.url, 'receiver-1'])
    const changes = { atMs: 5, figures: [[1, 48_900, 3, 1, 2, 0.1, 0.2]] }
    server.tell('beats', { atMs: 5, beats: '2222' })
    server.tell('changes', changes)
    assert.deepEqual(JSON.parse(await next()), { changes })
  })

  it('waits for a receiver, and says so once', async (t) => {
    const server = await startTestBoardServer(t)
    await server.close()
    const { next, child, exited } = watchPlainly(t, server.url)
    assert.match(await next(), /no receiver answers: ws:\/\/127\.0\.0\.1:\d+ refuses connections$/)
    child.kill('SIGINT')
    assert.equal(await exited, 0)
  })
})
