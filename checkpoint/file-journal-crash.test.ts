/** Processes that share one embedded journal, and are killed in the middle of what they do. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { Checkpoint } from './checkpoint.ts'
import { fileJournal } from './file-journal.ts'
import type { JournalRecord } from './journal.ts'
import { testDirectory } from './test-directory.ts'

const log = pino({ level: 'silent' })
const folder = import.meta.dirname

/** Appends `NAME:0`, `NAME:1` …, of every size, and says what it was told. */
const appender = `
const { fileJournal } = await import('${folder}/file-journal.ts')
const { pino } = await import('pino')
const [directory, name] = process.argv.slice(1)
const journal = fileJournal({ directory, topic: 'shared', log: pino({ level: 'silent' }) })
await journal.open()
for (let count = 0; ; count++) {
  const value = Buffer.from((name + ':' + count).padEnd(20 + (count * 7919) % 9000, '.'))
  const offset = await journal.append(value, 5_000)
  process.stdout.write(offset + ' ' + name + ':' + count + '\\n')
}
`

/** Begins a reign, counts up in it, and says what was acknowledged, until another one fences it. */
const leader = `
const { Checkpoint } = await import('${folder}/checkpoint.ts')
const { fileJournal } = await import('${folder}/file-journal.ts')
const { pino } = await import('pino')
const [directory, name, epoch] = process.argv.slice(1)
const log = pino({ level: 'silent' })
const journal = fileJournal({ directory, topic: 'shared', log })
const checkpoint = new Checkpoint({ journal, incarnation: name, node: name, log })
const counts = checkpoint.map('counts')
await checkpoint.start()
checkpoint.lead(Number(epoch))
await checkpoint.whenLeading(10_000)
const count = () => checkpoint.transact(() => {
  const value = (counts.get('all') ?? 0) + 1
  counts.set('all', value)
  counts.set(name, (counts.get(name) ?? 0) + 1)
  return value
}).then((value) => process.stdout.write(value + ' ' + name + '\\n'))
for (;;) await Promise.all(Array.from({ length: 5 }, count))
`

/** Starts a child of this source; each line that it writes is a number and a word, kept in `told`. */
function start(t: TestContext, source: string, args: string[], told: [number, string][]): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module', '-e', source, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout! })
  lines.on('line', (line) => {
    const [number, word] = line.split(' ')
    told.push([Number(number), word!])
  })
  return child
}

async function untilTold(told: unknown[], count: number): Promise<void> {
  while (told.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return // it was fenced, and ended
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

test('of many processes that append, any may be killed at any time: the file is what was acknowledged, once, in order', async (t) => {
  const directory = await testDirectory(t)
  const told: [number, string][] = []
  let names = 0
  const children = Array.from({ length: 4 }, () => start(t, appender, [directory.path, `w${names++}`], told))
  for (let kills = 0; kills < 8; kills++) {
    await untilTold(told, told.length + 25)
    await new Promise((resolve) => setTimeout(resolve, (kills * 7) % 20)) // not always where a line was just read
    const index = kills % children.length
    await kill(children[index]!)
    children[index] = start(t, appender, [directory.path, `w${names++}`], told)
  }
  await untilTold(told, told.length + 50)
  await Promise.all(children.map(kill))

  const journal = directory.keep(fileJournal({ directory: directory.path, topic: 'shared', log }))
  await journal.open()
  const end = await journal.end()
  const records: JournalRecord[] = []
  const all = Promise.withResolvers<void>()
  await journal.tail(0, (batch) => {
    records.push(...batch)
    if (records.length >= end) all.resolve()
  })
  await all.promise
  assert.deepEqual(
    records.map(({ offset }) => offset),
    Array.from({ length: end }, (_, index) => index),
  )
  const words = records.map(({ value }) => new TextDecoder().decode(value).replace(/\.*$/, ''))
  for (const [offset, word] of told) assert.equal(words[offset], word, `acknowledged at ${offset}`)
  assert.equal(new Set(words).size, words.length, 'nothing is there twice')
  assert.ok(
    end - told.length <= names,
    `${end} records, ${told.length} acknowledged: of each process one may be under way`,
  )
})

test('a process that hangs in the middle of appending keeps nobody from appending', async (t) => {
  const directory = await testDirectory(t)
  const told: [number, string][] = []
  const hanging = start(t, appender, [directory.path, 'hanging'], told)
  const journal = directory.keep(fileJournal({ directory: directory.path, topic: 'shared', log }))
  await journal.open()
  for (let round = 0; round < 15; round++) {
    await untilTold(told, told.length + 5)
    hanging.kill('SIGSTOP')
    await journal.append(Uint8Array.of(1), 2_500)
    hanging.kill('SIGCONT')
  }
  await kill(hanging)
})

test('writers that are killed and deposed leave one history: its digests hold, and all that was acknowledged is in it, once', async (t) => {
  const directory = await testDirectory(t)
  const told: [number, string][] = []
  let before: ChildProcess | null = null
  const reigns = 5
  for (let epoch = 1; epoch <= reigns; epoch++) {
    const child = start(t, leader, [directory.path, `n${epoch}`, `${epoch}`], told)
    while (!told.some(([, name]) => name === `n${epoch}`)) await new Promise((resolve) => setTimeout(resolve, 5))
    if (before) await kill(before) // every other time it is killed while it still believes that it leads
    await untilTold(told, told.length + 40)
    if (epoch % 2 === 0) await kill(child)
    before = epoch % 2 === 0 ? null : child
  }
  if (before) await kill(before)

  const journal = fileJournal({ directory: directory.path, topic: 'shared', log })
  const checkpoint = directory.keep(new Checkpoint({ journal, incarnation: 'reader', node: 'reader', log }))
  await checkpoint.start() // rejects if the chain is broken
  const counts = checkpoint.map<number>('counts')
  const entries = checkpoint.stale(() => new Map(counts.entries()))
  const total = entries.get('all')!
  const values = told.map(([value]) => value)
  assert.equal(new Set(values).size, values.length, 'no value was told twice')
  assert.ok(Math.max(...values) <= total && total <= values.length + 5 * reigns, `${total}, ${values.length} told`)
  const ofEach = Array.from({ length: reigns }, (_, index) => entries.get(`n${index + 1}`) ?? 0)
  assert.equal(
    ofEach.reduce((sum, count) => sum + count, 0),
    total,
  )
  for (const [index, count] of ofEach.entries())
    assert.ok(count >= told.filter(([, name]) => name === `n${index + 1}`).length, 'all that was told is there')
})
