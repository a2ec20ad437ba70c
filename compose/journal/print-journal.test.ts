import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { Checkpoint } from '../../checkpoint/checkpoint.ts'
import { Fold, type FoldState } from '../../checkpoint/fold.ts'
import { createMemoryLog, type MemoryLog, memoryJournal } from '../../checkpoint/index.ts'
import type { JournalReads } from '../../checkpoint/journal-reads.ts'
import { PortReads } from '../../checkpoint/journal-reads.ts'
import { decodeEntry } from '../../checkpoint/record.ts'
import { checksum } from '../../checkpoint/snapshot-chunk.ts'
import { encodeGeneration, type Manifest } from '../../checkpoint/snapshot-manifest.ts'
import { LineOutput } from './line-output.ts'
import { type PrintOptions, printJournal } from './print-journal.ts'

const quiet = pino({ level: 'silent' })

/** A journal of two reigns, with a void commit of the first after the second began. */
async function twoReigns(t: TestContext): Promise<MemoryLog> {
  const shared = createMemoryLog()
  const lead = async (name: string, epoch: number) => {
    const checkpoint = new Checkpoint({
      journal: memoryJournal(shared),
      incarnation: `${name}-1`,
      node: name,
      log: quiet,
    })
    t.after(() => checkpoint.close(0))
    await checkpoint.start()
    checkpoint.lead(epoch)
    await checkpoint.whenLeading(5_000)
    const map = checkpoint.map<number>('m')
    for (let turn = 0; turn < 3; turn++) await checkpoint.transact(() => map.set(`k${turn}`, turn))
    await checkpoint.close(0)
  }
  await lead('a', 1)
  const late = shared.records.at(-1)!
  await lead('b', 2)
  shared.append(late)
  return shared
}

function printing(shared: MemoryLog, stored: ReadonlyMap<string, Uint8Array> = new Map(), highWaterMark = 16_384) {
  const lines: Record<string, unknown>[] = []
  const said: string[] = []
  const stream = new Writable({
    highWaterMark,
    write(chunk, _encoding, done) {
      if (chunk.length > 0) lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const log = pino({ level: 'info' }, { write: (line: string) => void said.push(JSON.parse(line).msg) })
  const snapshots = { manifests: async () => stored, close: async () => undefined }
  const reads: JournalReads = new PortReads(() => memoryJournal(shared), snapshots)
  const print = async (options: Partial<PrintOptions> = {}, signal = new AbortController().signal) => {
    lines.length = 0
    said.length = 0
    const output = new LineOutput(stream)
    await printJournal({ void: false, follow: false, ...options }, { reads, output, log }, signal)
    return lines.map(({ offset, verdict }) => `${offset} ${verdict}`)
  }
  return { print, lines, said, stream, reads }
}

/** What the fold knows at each offset. */
function statesOf(shared: MemoryLog): FoldState[] {
  const fold = new Fold()
  const states = [fold.state]
  for (const [offset, value] of shared.records.entries()) {
    fold.judge(decodeEntry(value, offset), value)
    states.push(fold.state)
  }
  return states
}

function snapshotAt(shared: MemoryLog, offset: number, over: Partial<Manifest> = {}): [string, Uint8Array] {
  const start = statesOf(shared)[offset]!
  const generation = `g${offset}`
  const manifest: Manifest = {
    ...{ state: 'complete', generation, start: { ...start, reign: [...start.reign] }, end: offset, keys: 1, bytes: 1 },
    ...{ recordBefore: checksum(shared.records[offset - 1]!), chunks: [[1, 'c', 0]], by: 'a', writtenAtMs: 0, ...over },
  }
  return [generation, encodeGeneration(manifest)]
}

describe('the records of a journal are printed', () => {
  it('all of them, in order, with verdict, author, time and what they changed', async (t) => {
    const shared = await twoReigns(t)
    const { print, lines } = printing(shared)
    const all = await print()
    assert.equal(all.length, shared.records.length)
    assert.equal(all.at(-1), `${shared.records.length - 1} void`)
    assert.match(String(lines.at(-1)!.why), /^reign 1\.0 is not the current 2\.0$/)
    assert.deepEqual(
      lines
        .filter(({ type, verdict }) => type === 'claim' && verdict === 'valid')
        .map(({ node, reign }) => [node, reign]),
      [
        ['a', [1, 0]],
        ['b', [2, 0]],
      ],
    )
    const changes = lines.flatMap(({ verdict, transactions }) =>
      verdict === 'valid'
        ? ((transactions ?? []) as { changes?: unknown[] }[]).flatMap(({ changes }) => changes ?? [])
        : [],
    )
    assert.deepEqual(changes.slice(0, 2), [
      ['m', 'k0', 0],
      ['m', 'k1', 1],
    ])
    assert.deepEqual(lines[0]!.journalTime, '0d 00:00:00.000')
  })

  it('from an offset on, so many, void ones only: with the verdicts that the whole gives them', async (t) => {
    const shared = await twoReigns(t)
    const { print } = printing(shared)
    const all = await print()
    const end = shared.records.length
    assert.deepEqual(await print({ from: 3 }), all.slice(3))
    assert.deepEqual(await print({ from: 3, limit: 2 }), all.slice(3, 5))
    assert.deepEqual(await print({ from: end }), [])
    assert.deepEqual(await print({ from: end + 5 }), [])
    const voids = all.filter((line) => line.endsWith('void'))
    assert.deepEqual(await print({ void: true }), voids)
    assert.deepEqual(await print({ void: true, limit: 1 }), voids.slice(0, 1))
  })

  it('as they come, until it is told to end', async (t) => {
    const shared = await twoReigns(t)
    const { print, lines } = printing(shared)
    const stopping = new AbortController()
    const before = shared.records.length
    const printed = print({ follow: true, from: before }, stopping.signal)
    await sleep(20)
    shared.append(shared.records[0]!)
    while (lines.length === 0) await sleep(5)
    stopping.abort()
    assert.deepEqual(await printed, [`${before} void`])
    const ended = new AbortController()
    ended.abort()
    assert.deepEqual(await print({ follow: true }, ended.signal), [])
  })

  it('up to the first that cannot be read, which is printed and then thrown', async (t) => {
    const shared = await twoReigns(t)
    shared.append(Buffer.from('what is this'))
    shared.append(shared.records[0]!)
    const { print, lines, said } = printing(shared)
    const bad = shared.records.length - 2
    await assert.rejects(print({ from: bad - 1 }), {
      code: 'JOURNAL_UNREADABLE',
      message: new RegExp(`offset ${bad} `),
    })
    assert.deepEqual(lines.map(({ offset, verdict }) => `${offset} ${verdict}`).slice(1), [`${bad} unreadable`])
    await assert.rejects(print({ void: true }), { code: 'JOURNAL_UNREADABLE' })
    assert.equal(lines.at(-1)!.verdict, 'unreadable')
    assert.deepEqual(await print({ from: bad + 1 }), [`${bad + 1} void`], 'reign 1.0 is void in any case')
    assert.equal(said.length, 1, 'and what stands before is said')
  })

  it('up to the first that was written upon another history', async (t) => {
    const shared = await twoReigns(t)
    shared.records.splice(2, 1, shared.records[0]!) // a commit is lost, and Kafka grew again
    const { print, lines } = printing(shared)
    await assert.rejects(print(), { code: 'HISTORY_DIVERGED' })
    assert.equal(lines.at(-1)!.verdict, 'diverged')
  })

  it('no more once nobody reads them', async (t) => {
    const shared = await twoReigns(t)
    const { print, stream, lines } = printing(shared)
    stream._write = (chunk, _encoding, done) => {
      if (chunk.length > 0) lines.push(JSON.parse(String(chunk)))
      done(lines.length < 2 ? null : Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    }
    assert.equal((await print({ follow: true })).length, 2)
  })

  it('no faster than they are taken, and not at all where writing fails', async (t) => {
    const shared = await twoReigns(t)
    const { print, stream, lines } = printing(shared, new Map(), 1)
    let most = 0
    stream._write = (chunk, _encoding, done) => {
      if (chunk.length > 0) lines.push(JSON.parse(String(chunk)))
      setTimeout(() => {
        most = Math.max(most, stream.writableLength)
        done(lines.length < 4 ? null : Object.assign(new Error('no space left'), { code: 'ENOSPC' }))
      }, 1)
    }
    await assert.rejects(print(), { code: 'ENOSPC' })
    assert.equal(lines.length, 4)
    assert.ok(most <= Math.max(...lines.map((line) => JSON.stringify(line).length)) + 1, 'one line at a time')
  })
})

describe('the records of a journal whose beginning is gone', () => {
  it('have verdicts only where they hold in any case, if no snapshot says what was', async (t) => {
    const shared = await twoReigns(t)
    shared.first = 2
    const { print, said } = printing(shared)
    const all = await print()
    assert.equal(all[0], '2 unknown')
    assert.ok(!all.some((line) => line.endsWith(' valid')))
    assert.equal(all.at(-1), `${shared.records.length - 1} void`)
    assert.match(said.join(), /what stood before offset 2 is gone, and no snapshot says what it was/)
    await print({ from: 0, void: true })
    assert.match(said.join(), /what stood before offset 2 is gone,.*left out \d+ records/)
  })

  it('have the verdicts of the whole where a snapshot says what was', async (t) => {
    const shared = await twoReigns(t)
    const all = await printing(shared).print()
    shared.first = 2
    const end = shared.records.length
    const stored = new Map([snapshotAt(shared, 2), snapshotAt(shared, 5)])
    for (const from of [2, 3, 5, 6, end - 1])
      assert.deepEqual(await printing(shared, stored).print({ from }), all.slice(from), `from ${from}`)
    const later = new Map([snapshotAt(shared, 5)])
    assert.match((await printing(shared, later).print({ from: 3 }))[0]!, /unknown/)
    assert.deepEqual(await printing(shared, later).print({ from: 5 }), all.slice(5))
  })

  it('are not judged by the snapshot of another journal', async (t) => {
    const shared = await twoReigns(t)
    const all = await printing(shared).print()
    const stored = new Map([snapshotAt(shared, 5, { recordBefore: 'of another' })])
    const whole = printing(shared, stored)
    assert.deepEqual(await whole.print({ from: 6 }), all.slice(6))
    assert.match(whole.said.join(), /snapshot at offset 5 is of another journal/)
    const longer = new Map([snapshotAt(shared, 5, { end: 1_000 })])
    shared.first = 2
    assert.match((await printing(shared, longer).print({ from: 6 }))[0]!, /unknown/)
  })

  it('are printed also where the snapshots cannot be read', async (t) => {
    const shared = await twoReigns(t)
    const broken = printing(shared, new Map([['g', Buffer.from('?')]]))
    assert.equal((await broken.print()).length, shared.records.length)
  })
})
