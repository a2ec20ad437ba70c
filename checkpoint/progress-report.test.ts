import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import pino from 'pino'
import { Checkpoint } from './checkpoint.ts'
import type { RecordListener } from './journal.ts'
import { createMemoryLog, type MemoryLog, memoryJournal } from './memory-journal.ts'
import { MemorySnapshots, memorySnapshots } from './memory-snapshots.ts'
import { ProgressReport } from './progress-report.ts'

function captured() {
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'info', base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  return { lines, log, messages: () => lines.splice(0).map(({ msg }) => msg) }
}

describe('the report of progress', () => {
  it('tells of a start that goes on: lines with percent and rate, and totals at its end', () => {
    const { lines, log } = captured()
    const report = new ProgressReport(log)
    report.begin(0)
    for (let ms = 100; ms <= 7_000; ms += 100) {
      report.read(1_000, 100_000)
      report.left('journal', 100_000 - ms * 10, ms)
    }
    assert.deepEqual(report.status(7_000)?.ratio, 0.7)
    report.caughtUp(70_000, 7_100)
    assert.equal(report.status(7_100), null)
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      [
        'starting: 10 %, reading the journal, 90,000 records to go, 10,000 records/s (1.0 MiB/s), 9 s left',
        'starting: 60 %, reading the journal, 40,000 records to go, 10,000 records/s (1.0 MiB/s), 4 s left',
        'caught up with the journal: 70,000 records (6.7 MiB) in 7.1 s, 9,859 records/s',
      ],
    )
    const { percent, recordsPerS, bytesPerS, remainingMs, reading, stage } = lines[1]!
    assert.deepEqual([percent, recordsPerS, bytesPerS, remainingMs], [60, 10_000, 1_000_000, 4_000])
    assert.deepEqual([reading, stage], ['start', 'journal'])
    assert.deepEqual([lines[2]!.offset, lines[2]!.percent, lines[2]!.tookMs], [70_000, 100, 7_100])
  })

  it('is one line for a start that takes less than a second', () => {
    const { log, messages } = captured()
    const report = new ProgressReport(log)
    report.begin(0)
    report.read(10, 1_000)
    report.left('journal', 0, 900)
    report.caughtUp(10, 900)
    assert.deepEqual(messages(), ['caught up with the journal: 10 records (0.0 MiB) in 0.9 s, 11 records/s'])
    report.caughtUp(20, 950)
    assert.deepEqual(messages(), [], 'and it is over once')
  })

  it('goes on from a snapshot to the journal as one thing', () => {
    const { log } = captured()
    const report = new ProgressReport(log)
    report.begin(0)
    report.read(600, 60_000)
    report.left('snapshot', 400, 1)
    report.begin(2) // the journal is read from here on
    report.read(200, 20_000)
    report.left('journal', 200, 3)
    assert.deepEqual([report.status(3)?.stage, report.status(3)?.ratio], ['journal', 0.8])
  })

  it('says that a standby fell behind, how it catches up, and that it did; who leads is not behind', () => {
    const { log, messages } = captured()
    const report = new ProgressReport(log)
    report.looked(0, 0, 0)
    for (let ms = 500; ms <= 3_000; ms += 500) report.looked(0, ms, ms)
    assert.deepEqual(messages(), ['fell behind its journal by 2500 records'])
    assert.equal(report.status(3_000)?.reading, 'catch-up')
    report.read(1_500, 15_000)
    report.left('journal', 1_500, 4_000)
    assert.match(String(messages()[0]), /^catching up: 50 %, reading the journal, 1,500 records to go/)
    report.read(1_500, 15_000)
    report.caughtUp(3_000, 4_500)
    assert.match(String(messages()[0]), /^caught up with the journal again: 3,000 records/)

    for (let ms = 5_000; ms <= 9_000; ms += 500) report.looked(3_000, ms, ms)
    assert.equal(report.status(9_000)?.reading, 'catch-up')
    report.leads(9_000, 9_500)
    assert.equal(report.status(9_500), null)
  })
})

/** A journal whose read waits until `open` is called after `held` records. */
function slow(shared: MemoryLog, held: number) {
  const inner = memoryJournal(shared)
  const gate = Promise.withResolvers<void>()
  const tail = (from: number, onRecords: RecordListener) =>
    inner.tail(from, async (records) => {
      await onRecords(records.slice(0, held))
      await gate.promise
      await onRecords(records.slice(held))
    })
  return { journal: Object.assign(Object.create(inner) as typeof inner, bound(inner), { tail }), open: gate.resolve }
}

function bound(inner: ReturnType<typeof memoryJournal>) {
  return {
    open: () => inner.open(),
    append: (value: Uint8Array, deadlineMs: number) => inner.append(value, deadlineMs),
    start: () => inner.start(),
    end: () => inner.end(),
    truncate: (before: number) => inner.truncate(before),
    close: () => inner.close(),
  }
}

describe('a checkpoint', () => {
  const start = (t: TestContext, name: string, log: pino.Logger, journal: ReturnType<typeof memoryJournal>) => {
    const checkpoint = new Checkpoint({ journal, incarnation: name, node: name, log })
    t.after(() => checkpoint.close(0))
    return checkpoint
  }

  it('tells in its status how far its start is, and nothing once it is there', async (t) => {
    const shared = createMemoryLog()
    const writer = start(t, 'a', pino({ level: 'silent' }), memoryJournal(shared))
    await writer.start()
    writer.lead(1)
    await writer.whenLeading(5_000)
    const map = writer.map<number>('m')
    for (let turn = 0; turn < 40; turn++) await writer.transact(() => map.set('k', turn))
    assert.equal(writer.status().progress, null)

    const { lines, log } = captured()
    const { journal, open } = slow(shared, 10)
    const standby = start(t, 'b', log, journal)
    const end = shared.records.length
    const started = standby.start()
    while (standby.status().offset < 10) await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    const { phase, progress, lag } = standby.status()
    assert.deepEqual([phase, progress?.reading, progress?.stage, lag], ['starting', 'start', 'journal', end - 10])
    assert.deepEqual([progress?.ratio, progress?.left], [10 / end, end - 10])
    open()
    await started
    assert.equal(standby.status().progress, null)
    const said = lines.find(({ event }) => event === 'caught-up')
    assert.deepEqual([said?.records, said?.offset, said?.percent], [end, end, 100])
    assert.equal(
      said?.bytes,
      shared.records.slice(0, end).reduce((sum, { length }) => sum + length, 0),
    )
  })

  it('counts a snapshot and the journal after it as one: the share rises through both', async (t) => {
    const shared = createMemoryLog()
    const stored = new MemorySnapshots()
    const silent = pino({ level: 'silent' })
    const limits = { snapshotTailBytes: 4_096, snapshotDelayMs: 1 }
    const ports = () => ({ journal: memoryJournal(shared), snapshots: memorySnapshots(stored) })
    const writer = new Checkpoint({ ...ports(), incarnation: 'a', node: 'a', log: silent, limits, standbys: () => 0 })
    t.after(() => writer.close(0))
    await writer.start()
    writer.lead(1)
    await writer.whenLeading(5_000)
    const map = writer.map<string>('m')
    for (let turn = 0; writer.status().snapshot?.newest == null; turn++) {
      await writer.transact(() => map.set(`k${turn % 50}`, 'x'.repeat(100)))
      if (turn % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 50))
      assert.ok(turn < 20_000, 'a snapshot is taken')
    }
    for (let turn = 0; turn < 50; turn++) await writer.transact(() => map.set(`k${turn}`, 'y'))
    await writer.close(0)

    const { journal, snapshots } = ports()
    const gate = Promise.withResolvers<void>()
    t.after(() => gate.resolve())
    const readChunks = snapshots.readChunks.bind(snapshots)
    snapshots.readChunks = async (places, onChunk) => {
      await readChunks(places, onChunk)
      await gate.promise
    }
    const { lines, log } = captured()
    const reader = new Checkpoint({ journal, snapshots, incarnation: 'b', node: 'b', log, limits })
    t.after(() => reader.close(0))
    const started = reader.start()
    while (!reader.status().progress?.records) await new Promise((resolve) => setImmediate(resolve))
    const { phase, progress } = reader.status()
    assert.deepEqual([phase, progress?.stage, progress?.records], ['starting', 'snapshot', 50])
    assert.ok(progress!.ratio > 0 && progress!.ratio < 1, `${progress!.ratio}`)
    gate.resolve()
    await started
    const said = lines.find(({ event }) => event === 'caught-up')!
    const { offset } = reader.status()
    assert.deepEqual([said.stage, said.percent, said.offset], ['journal', 100, offset])
    assert.ok(Number(said.records) > 50, 'the keys of the snapshot and the records after it')
  })
})
