/**
 * Kafka lost records that were acknowledged: whoever has read them notices, and stops rather than going on upon another history. A broker that is out
 * of touch says the same of a journal that is whole: nobody stops for that.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Checkpoint } from './checkpoint.ts'
import type { CheckpointError } from './errors.ts'
import type { Journal, RecordListener } from './journal.ts'
import { createMemoryLog, type MemoryLog, memoryJournal } from './memory-journal.ts'
import { silent } from './test-checkpoint.ts'
import { VirtualTime } from './virtual-time.ts'

/** One installation's journal in virtual time, and what its processes come to. */
class Installation {
  readonly time = new VirtualTime()
  readonly log: MemoryLog = createMemoryLog()
  readonly fatal: CheckpointError[] = []
  /** Where a broker that is out of touch says that the journal ends; null if there is none. `all`: every broker says so. */
  stale: { readonly end: number; readonly all: boolean } | null = null
  looksAfresh = 0
  readonly seeks: { readonly atMs: number; readonly offset: number }[] = []
  /** While true, no tail brings anything. */
  deaf = false

  async start(incarnation: string): Promise<Checkpoint> {
    const { time } = this
    const checkpoint = new Checkpoint({ journal: this.#journal(), incarnation, node: incarnation, log: silent, time })
    checkpoint.on('fatal', (error) => this.fatal.push(error))
    void checkpoint.start()
    await time.run(1_000)
    return checkpoint
  }

  /** A process that leads and has written thrice. */
  async writer(): Promise<Checkpoint> {
    const writer = await this.start('writer')
    writer.lead(1)
    await this.time.run(100)
    await this.write(writer, 3)
    return writer
  }

  async write(writer: Checkpoint, turns: number): Promise<void> {
    const map = writer.map<number>('m')
    for (let turn = 0; turn < turns; turn++) {
      void writer.transact(() => map.set('k', turn)).catch(() => undefined)
      await this.time.run(100)
    }
  }

  /** What `end` answers; a client that is asked afresh meets a broker that knows, if there is one. */
  #journal(): Journal {
    const journal = memoryJournal(this.log, this.time)
    const { end, tail } = { end: journal.end.bind(journal), tail: journal.tail.bind(journal) }
    let left: Installation['stale'] = null
    journal.end = async (afresh = false) => {
      if (afresh) this.looksAfresh++
      if (afresh && !this.stale?.all) left = this.stale
      return this.stale && this.stale !== left ? this.stale.end : end()
    }
    journal.tail = async (from: number, onRecords: RecordListener) => {
      const made = await tail(from, async (records) => {
        if (!this.deaf) await onRecords(records)
      })
      return {
        seek: (offset) => {
          this.seeks.push({ atMs: this.time.now(), offset })
          made.seek(offset)
        },
        close: () => made.close(),
      }
    }
    return journal
  }
}

const lost = /the journal ends at \d+, and \d+ records were read/

test('a journal that ends before what was read of it has lost records: whoever read them stops and says so', async () => {
  const installation = new Installation()
  const { log, time, fatal } = installation
  await installation.writer()
  await installation.start('standby')
  log.records.length -= 2
  await time.run(9_500)
  assert.deepEqual(fatal, [], 'until it was asked for ten seconds, it may be a broker that is out of touch')
  await time.run(1_500)
  assert.deepEqual(
    fatal.map(({ code }) => code),
    ['HISTORY_LOST', 'HISTORY_LOST'],
  )
  for (const { message } of fatal) assert.match(message, lost)
})

test('a writer whose append is answered with an offset that it has read knows at once, before it regrows what was lost', async () => {
  const installation = new Installation()
  const { log, time, fatal } = installation
  const writer = await installation.writer()
  log.records.length -= 4
  await installation.write(writer, 1)
  await time.run(1_000)
  assert.deepEqual(
    fatal.map(({ code }) => code),
    ['HISTORY_LOST'],
  )
})

test('a journal that was lost and regrew before its loss was sure ends who read the lost one, at the first commit under a reign it never saw claimed', async () => {
  const installation = new Installation()
  const { log, time, fatal } = installation
  const writer = await installation.writer()
  await installation.write(writer, 3)
  const standby = await installation.start('standby')
  const read = standby.status().offset
  await writer.close(0)
  log.records.length -= 16 // so that what a process appends before it claims does not reach as far as was read
  const fresh = await installation.start('fresh')
  fresh.lead(2)
  await time.run(100)
  await installation.write(fresh, 8)
  assert.ok(fresh.status().offset > read && time.now() < 10_000, 'it regrew in time')
  await time.run(2_000)
  assert.deepEqual(
    fatal.map(({ code }) => code),
    ['HISTORY_DIVERGED'],
  )
  assert.match(fatal[0]!.message, /nobody claimed its reign 2\.0 in it/)
})

test('one broker that is out of touch ends nobody: another is asked at once', async () => {
  const installation = new Installation()
  const { fatal } = installation
  const writer = await installation.writer()
  const standby = await installation.start('standby')
  installation.stale = { end: 5, all: false }
  let unreachable = 0
  for (let turn = 0; turn < 60; turn++) {
    await installation.write(writer, 1)
    for (const checkpoint of [writer, standby]) if (!checkpoint.status().journalReachable) unreachable++
  }
  assert.deepEqual(fatal, [])
  assert.deepEqual(
    [installation.looksAfresh, unreachable],
    [2, 0],
    'each of both asks once, and not at the next look only',
  )
  for (const checkpoint of [writer, standby]) assert.equal(checkpoint.status().journalReachable, true)
  assert.deepEqual(standby.snapshot(), writer.snapshot())
})

test('a journal whose end is told short for three seconds, and then right, ends nobody; meanwhile nobody counts as able to reach it', async () => {
  const installation = new Installation()
  const { time, fatal } = installation
  const writer = await installation.writer()
  const standby = await installation.start('standby')
  const { offset } = standby.status()
  installation.stale = { end: offset - 1, all: true }
  await time.run(600)
  for (const checkpoint of [writer, standby]) assert.equal(checkpoint.status().journalReachable, false)
  const bound = standby.readStandby(() => 1, String, 60_000)!.stalenessMs
  const { looksAfresh } = installation
  for (let turn = 0; turn < 24; turn++) {
    standby.readStandby(() => 1, String, 100)
    await time.run(100)
  }
  assert.ok(installation.looksAfresh - looksAfresh <= 10, 'who reads has no connections made')
  assert.ok(
    standby.readStandby(() => 1, String, 60_000)!.stalenessMs >= bound + 2_400,
    'such an answer is no proof of being up to date',
  )
  installation.stale = null
  await time.run(60_000)
  assert.deepEqual(fatal, [])
  for (const checkpoint of [writer, standby]) assert.equal(checkpoint.status().journalReachable, true)
  await installation.write(writer, 1)
  assert.deepEqual(standby.snapshot(), writer.snapshot())
})

test('a standby whose tail has brought more than the end that is told keeps it; a writer whose tail has not starts it again', async () => {
  const installation = new Installation()
  const { time, seeks } = installation
  const writer = await installation.writer()
  installation.stale = { end: 5, all: false }
  await time.run(1_000)
  assert.equal(seeks.length, 0)
  installation.stale = null
  await installation.start('standby')
  installation.deaf = true
  await installation.write(writer, 3)
  const { offset } = writer.status()
  installation.stale = { end: offset - 1, all: true }
  await time.run(3_000)
  assert.deepEqual(
    seeks.map((seek) => seek.offset),
    [offset],
    'the writer has its own records from their answers',
  )
})

test('a tail that does not bring what an append was answered with is started again within seconds, and then all goes on', async () => {
  const installation = new Installation()
  const { time, log, seeks, fatal } = installation
  const writer = await installation.writer()
  const { offset } = writer.status()
  installation.deaf = true
  installation.stale = { end: offset, all: true }
  log.append(log.records[0]!) // void, as its reign is over
  const answered: number[] = []
  const map = writer.map<number>('m')
  void writer.transact(() => map.set('k', 7)).then(() => answered.push(7))
  const sinceMs = time.now()
  while (seeks.length === 0 && time.now() < sinceMs + 10_000) await time.run(100)
  assert.equal(writer.status().journalReachable, false)
  installation.stale = null
  while (seeks.length === 1 && time.now() < sinceMs + 10_000) await time.run(100)
  assert.ok(seeks[1]!.atMs - seeks[0]!.atMs <= 5_000)
  installation.deaf = false
  await time.run(10_000)
  assert.deepEqual([answered, fatal], [[7], []])
})
