/** `heartline journal` as people and pipes use it, on an embedded journal. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import pino from 'pino'
import { Checkpoint } from '../../checkpoint/checkpoint.ts'
import { fileJournal } from '../../checkpoint/file-journal.ts'
import { journalPorts } from '../../checkpoint/open-journal.ts'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
const log = pino({ level: 'silent' })

async function directoryOf(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-journal-command-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A leader on the embedded journal; each `write` is one record, of about `bytes`. */
async function leading(t: TestContext, directory: string, topic = 'heartline.journal.0') {
  const journal = fileJournal({ directory, topic, log })
  const checkpoint = new Checkpoint({ journal, incarnation: 'a-1', node: 'a', log })
  t.after(() => checkpoint.close(0))
  await checkpoint.start()
  checkpoint.lead(1)
  assert.equal(await checkpoint.whenLeading(5_000), true)
  const map = checkpoint.map<string>('m')
  let count = 0
  const write = async (records: number, bytes = 10) => {
    for (let turn = 0; turn < records; turn++)
      await checkpoint.transact(() => map.set(`k${count++}`, 'x'.repeat(bytes)))
  }
  return { checkpoint, write }
}

function heartline(t: TestContext, args: string[]): { child: ChildProcess; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [main, 'journal', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  return { child, ended: once(child, 'exit').then(([code]) => code as number | null) }
}

async function run(t: TestContext, args: string[]) {
  const { child, ended } = heartline(t, args)
  const [stdout, stderr, code] = await Promise.all([text(child.stdout!), text(child.stderr!), ended])
  const lines = stdout.split('\n').filter(Boolean)
  return { lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>), stderr, code }
}

/** Names and contents. */
async function contentsOf(directory: string): Promise<Map<string, string>> {
  const names = (await readdir(directory)).toSorted()
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, (await readFile(join(directory, name))).toString('hex')] as const),
    ),
  )
}

test('the records of an embedded journal are printed while it is in use, and it stays as it is', async (t) => {
  const directory = await directoryOf(t)
  const { checkpoint, write } = await leading(t, directory)
  await write(3)
  const live = await run(t, ['--kafka', `file:${directory}`])
  assert.deepEqual([live.code, live.stderr], [0, ''])
  const valid = live.lines.filter(({ verdict }) => verdict === 'valid')
  assert.deepEqual(
    valid.map(({ type, node, reign }) => [type, node, reign]),
    [['claim', 'a', [1, 0]], ...Array.from({ length: 3 }, () => ['commit', 'a', [1, 0]])],
  )
  assert.deepEqual((valid[1]!.transactions as object[])[0], { changes: [['m', 'k0', 'xxxxxxxxxx']] })

  await checkpoint.close(0)
  const before = await contentsOf(directory)
  const again = await run(t, ['--kafka', `file:${directory}`, '--void'])
  assert.ok(again.lines.length > 0 && again.lines.every(({ verdict }) => verdict === 'void'))
  assert.deepEqual(await contentsOf(directory), before)
})

test('what is not there is said, with what is, and not made', async (t) => {
  const directory = await directoryOf(t)
  const missing = join(directory, 'none')
  const nowhere = await run(t, ['--kafka', `file:${missing}`])
  assert.deepEqual(
    [nowhere.code, nowhere.stderr],
    [1, `heartline journal: there is no journal heartline.journal.0 at ${missing}: no journal is there\n`],
  )
  const { checkpoint } = await leading(t, directory)
  await checkpoint.close(0)
  const before = await contentsOf(directory)
  const wrong = await run(t, ['--kafka', `file:${directory}`, '--shard', '7'])
  assert.deepEqual(
    [wrong.code, wrong.stderr],
    [1, `heartline journal: there is no journal heartline.journal.7 at ${directory}: there are heartline.journal.0\n`],
  )
  const named = await run(t, ['--kafka', `file:${directory}`, '--topic', 'heartline.journal.0', '--limit', '1'])
  assert.deepEqual([named.code, named.lines.length], [0, 1])
  assert.deepEqual(await contentsOf(directory), before)
})

test('a journal that was truncated behind its snapshots has all verdicts: a snapshot says what was before', async (t) => {
  const directory = await directoryOf(t)
  const limits = { snapshotTailBytes: 4_096, snapshotDelayMs: 1 }
  const ports = journalPorts({ kafka: [`file:${directory}`], topic: 'heartline.journal.0', clientId: 'test', log })
  const checkpoint = new Checkpoint({ ...ports, incarnation: 'a-1', node: 'a', log, limits, standbys: () => 0 })
  t.after(() => checkpoint.close(0))
  await checkpoint.start()
  checkpoint.lead(1)
  assert.equal(await checkpoint.whenLeading(5_000), true)
  const map = checkpoint.map<string>('m')
  for (let turn = 0; (await ports.journal.start()) === 0; turn++) {
    await checkpoint.transact(() => map.set(`k${turn % 20}`, 'x'.repeat(200)))
    assert.ok(turn < 20_000, 'it is truncated')
  }
  await checkpoint.close(0)
  const { lines, stderr, code } = await run(t, ['--kafka', `file:${directory}`])
  assert.deepEqual([code, stderr], [0, ''])
  assert.ok(Number(lines[0]!.offset) > 0)
  assert.deepEqual([...new Set(lines.map(({ verdict }) => verdict))], ['valid'])
  assert.deepEqual([...new Set(lines.map(({ node }) => node))], ['a'], 'whose claim is gone')
  const late = await run(t, ['--kafka', `file:${directory}`, '--from', String(Number(lines.at(-1)!.offset) - 2)])
  assert.deepEqual(late.lines, lines.slice(-3))
})

test('a record that cannot be read is printed as such; then it is said, and the exit code is 1', async (t) => {
  const directory = await directoryOf(t)
  const { checkpoint } = await leading(t, directory)
  await checkpoint.close(0)
  const journal = fileJournal({ directory, topic: 'heartline.journal.0', log })
  await journal.open()
  const bad = await journal.append(Buffer.from('not ours'), 1_000)
  await journal.append(Buffer.from('nor this'), 1_000)
  await journal.close()
  const { lines, stderr, code } = await run(t, ['--kafka', `file:${directory}`])
  assert.equal(code, 1)
  assert.deepEqual([lines.at(-1)!.offset, lines.at(-1)!.verdict, lines.at(-1)!.sizeBytes], [bad, 'unreadable', 8])
  assert.match(
    stderr,
    new RegExp(`^heartline journal: the journal record at offset ${bad} has version 110, [^\\n]+\\n$`),
  )
})

test('a reader that goes away ends it in peace, however much there is; a slow one holds it up', async (t) => {
  const directory = await directoryOf(t)
  const { write } = await leading(t, directory)
  await write(40, 50_000) // far more than a pipe holds
  const { child, ended } = heartline(t, ['--kafka', `file:${directory}`])
  const stderr = text(child.stderr!)
  await once(child.stdout!, 'readable')
  child.stdout!.destroy()
  assert.deepEqual([await ended, await stderr], [0, ''])

  const slow = heartline(t, ['--kafka', `file:${directory}`])
  let bytes = 0
  for await (const chunk of slow.child.stdout!) {
    bytes += (chunk as Buffer).length
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  assert.ok(bytes > 40 * 50_000)
  assert.equal(await slow.ended, 0)
})

test('with --follow it goes on as records come, until it is told to end', async (t) => {
  const directory = await directoryOf(t)
  const { write } = await leading(t, directory)
  const { child, ended } = heartline(t, ['--kafka', `file:${directory}`, '--follow'])
  const chunks: string[] = []
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => void chunks.push(chunk))
  const printed = () =>
    chunks
      .join('')
      .split('\n')
      .filter((line) => line.includes('"commit"') && line.includes('"valid"')).length
  await once(child.stdout!, 'data')
  await write(2)
  while (printed() < 2) await new Promise((resolve) => setTimeout(resolve, 20))
  child.kill('SIGTERM')
  assert.equal(await ended, 0)
})

test('wrong flags are a line each, exit 2', async (t) => {
  const { code, stderr } = await run(t, ['--from', '-1', '--limit', '0', '--kafka', 'memory:'])
  assert.equal(code, 2)
  assert.match(stderr, /--from: expected an offset from 0, got "-1"/)
  assert.match(stderr, /--limit: expected 1 or more, got "0"/)
  assert.match(stderr, /--kafka: memory: /)
})
