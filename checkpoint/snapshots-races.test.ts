/** Snapshots while others write, truncate and remove at the same time, and while the journal or the store is slow or gone. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import pino from 'pino'
import { Checkpoint } from './checkpoint.ts'
import { CheckpointError } from './errors.ts'
import type { Journal, RecordListener } from './journal.ts'
import { createMemoryLog, type MemoryLog, memoryJournal } from './memory-journal.ts'
import { MemorySnapshots, memorySnapshots } from './memory-snapshots.ts'
import type { CheckpointOptions } from './options.ts'
import type { SnapshotStore } from './snapshot-store.ts'

/** `inner` with some of its methods replaced. */
function replacing<T extends object>(inner: T, methods: Partial<T>): T {
  return new Proxy(inner, {
    get(target, name) {
      const found = (name in methods ? methods : target)[name as keyof T]
      return typeof found === 'function' ? found.bind(target) : found
    },
  })
}

/** Processes over one journal and one place for snapshots. */
function world(t: TestContext) {
  const shared = createMemoryLog()
  const stored = new MemorySnapshots()
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const make = (name: string, options: Partial<CheckpointOptions> = {}) => {
    const ports = { journal: memoryJournal(shared), snapshots: memorySnapshots(stored) }
    const checkpoint = new Checkpoint({ ...ports, incarnation: name, node: name, log, ...options })
    t.after(() => checkpoint.close(0))
    return checkpoint
  }
  return { shared, stored, lines, make }
}

async function leading(checkpoint: Checkpoint, epoch = 1): Promise<Checkpoint> {
  await checkpoint.start()
  checkpoint.lead(epoch)
  assert.equal(await checkpoint.whenLeading(5_000), true)
  return checkpoint
}

async function write(leader: Checkpoint, round: number, count = 10): Promise<void> {
  const map = leader.map<string>('m')
  for (let index = 0; index < count; index++)
    await leader.transact(() => map.set(`k${index}`, `${round} ${'x'.repeat(20)}`))
}

async function until(what: () => boolean, mostMs = 8_000): Promise<void> {
  const deadlineMs = performance.now() + mostMs
  while (!what()) {
    assert.ok(performance.now() < deadlineMs, `not within ${mostMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A journal whose tail can hang, and afterwards passes over what was truncated, as kafkajs does. */
function hanging(shared: MemoryLog, methods: Partial<Journal> = {}) {
  const inner = memoryJournal(shared)
  let hung = Promise.withResolvers<void>()
  hung.resolve()
  const tail = (from: number, onRecords: RecordListener) =>
    inner.tail(from, async (records) => {
      await hung.promise
      await onRecords(records.filter(({ offset }) => offset >= shared.first))
    })
  return {
    journal: replacing<Journal>(inner, { tail, ...methods }),
    hang: () => {
      hung = Promise.withResolvers()
    },
    goOn: () => hung.resolve(),
  }
}

suite('snapshots among others', { concurrency: 8 }, () => {
  test('a snapshot that is written after a starter asked for the end of the journal is no loss of records', async (t) => {
    const { stored, make } = world(t)
    const leader = await leading(make('a'))
    await write(leader, 0)
    let first = true
    const snapshots = replacing<SnapshotStore>(memorySnapshots(stored), {
      async manifests() {
        if (first) {
          first = false
          await write(leader, 1)
          await leader.takeSnapshot()
        }
        return new Map(stored.manifests)
      },
    })
    const next = make('b', { snapshots })
    await next.start()
    assert.deepEqual(next.snapshot(), leader.snapshot())
  })

  test('snapshots that are removed while they are restored from are no reason to give up where there are newer ones', async (t) => {
    const { shared, stored, make } = world(t)
    const leader = await leading(make('a'))
    for (let round = 0; round < 2; round++) {
      await write(leader, round)
      await leader.takeSnapshot()
    }
    assert.ok(shared.first > 0)
    let first = true
    const inner = memorySnapshots(stored)
    const snapshots = replacing<SnapshotStore>(inner, {
      async readChunks(chunks, onChunk) {
        if (first) {
          first = false
          for (let round = 2; round < 4; round++) {
            await write(leader, round)
            await leader.takeSnapshot()
          }
        }
        return inner.readChunks(chunks, onChunk)
      },
    })
    const next = make('b', { snapshots })
    await next.start()
    assert.deepEqual(next.snapshot(), leader.snapshot())
  })

  test('a leader that hung while another led, and truncated the journal ahead of it, follows again', async (t) => {
    const { shared, make } = world(t)
    const { journal, hang, goOn } = hanging(shared)
    const zombie = await leading(make('z', { journal }))
    await write(zombie, 0)
    const fatal: CheckpointError[] = []
    zombie.on('fatal', (error) => fatal.push(error))
    hang()
    await until(() => zombie.status().offset === shared.records.length)
    const leader = await leading(make('a'), 2)
    for (let round = 0; round < 3; round++) {
      await write(leader, round)
      await leader.takeSnapshot()
    }
    assert.ok(shared.first > zombie.status().offset)
    goOn()
    await until(() => fatal.length > 0 || (zombie.phase === 'standby' && zombie.status().lag === 0))
    assert.deepEqual(
      fatal.map(({ message }) => message),
      [],
    )
    assert.deepEqual(zombie.snapshot(), leader.snapshot())
  })

  test('while it is not known where the journal starts, a gap is no loss', async (t) => {
    const { shared, make } = world(t)
    const leader = await leading(make('a'))
    let unknown = 0
    const { journal, hang, goOn } = hanging(shared, {
      async start() {
        if (unknown-- > 0) throw new CheckpointError('JOURNAL_UNREACHABLE', 'no leader')
        return shared.first
      },
    })
    const standby = make('b', { journal })
    await standby.start()
    const fatal: CheckpointError[] = []
    standby.on('fatal', (error) => fatal.push(error))
    hang()
    for (let round = 0; round < 3; round++) {
      await write(leader, round)
      await leader.takeSnapshot()
    }
    unknown = 6
    goOn()
    await until(() => fatal.length > 0 || standby.status().offset === shared.records.length)
    assert.deepEqual(
      fatal.map(({ message }) => message),
      [],
    )
    await until(() => standby.phase === 'standby')
    assert.deepEqual(standby.snapshot(), leader.snapshot())
  })

  for (const [when, damaged] of [
    ['at a start', false],
    ['after a start that failed', true],
  ] as const) {
    test(`closing ends a restore ${when}, and nothing goes on`, async (t) => {
      const { stored, make } = world(t)
      const leader = await leading(make('a'))
      for (let round = 0; round < 2; round++) {
        await write(leader, round)
        await leader.takeSnapshot()
      }
      if (damaged) for (const chunk of stored.chunks.values()) chunk[chunk.length - 1]! ^= 1
      const inner = memorySnapshots(stored)
      const reading = Promise.withResolvers<void>()
      const snapshots = replacing<SnapshotStore>(inner, {
        async readChunks(chunks, onChunk) {
          reading.resolve()
          if (!damaged) await new Promise((resolve) => setTimeout(resolve, 50))
          return inner.readChunks(chunks, onChunk)
        },
      })
      const next = make('b', { snapshots })
      const seen: string[] = []
      next.on('fatal', ({ code }) => seen.push(`fatal ${code}`))
      next.on('phase', (phase) => seen.push(phase))
      const started = assert.rejects(next.start(), { code: damaged ? 'HISTORY_LOST' : 'STOPPED' })
      await reading.promise
      if (damaged) await started
      await new Promise((resolve) => setTimeout(resolve, 20))
      const late = new Promise((_, reject) => setTimeout(reject, 5_000, new Error('close hangs')).unref())
      await Promise.race([next.close(0), late])
      await started
      assert.deepEqual(seen, ['stopping'])
    })
  }

  test('closing ends a restore of a standby whose journal was truncated ahead of it, and is no failure', async (t) => {
    const { shared, stored, make } = world(t)
    const leader = await leading(make('a'))
    const tail = hanging(shared)
    const inner = memorySnapshots(stored)
    const reading = Promise.withResolvers<void>()
    const snapshots = replacing<SnapshotStore>(inner, {
      async readChunks(chunks, onChunk) {
        reading.resolve()
        await new Promise((resolve) => setTimeout(resolve, 50))
        return inner.readChunks(chunks, onChunk)
      },
    })
    const standby = make('b', { journal: tail.journal, snapshots })
    await standby.start()
    const seen: string[] = []
    standby.on('fatal', ({ code }) => seen.push(`fatal ${code}`))
    tail.hang()
    for (let round = 0; round < 3; round++) {
      await write(leader, round)
      await leader.takeSnapshot()
    }
    tail.goOn()
    await reading.promise
    const late = new Promise((_, reject) => setTimeout(reject, 5_000, new Error('close hangs')).unref())
    await Promise.race([standby.close(0), late])
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.deepEqual(seen, [])
  })

  test('a snapshot that was asked for while another was taken is not taken of what a leader may have to take back', async (t) => {
    const { shared, stored, make } = world(t)
    const inner = memoryJournal(shared)
    let cutOff = false
    const journal = replacing<Journal>(inner, {
      async append(value, deadlineMs) {
        if (cutOff) throw new CheckpointError('JOURNAL_UNREACHABLE', 'cut off')
        return inner.append(value, deadlineMs)
      },
    })
    const store = memorySnapshots(stored)
    let held: Promise<void> | null = null
    const snapshots = replacing<SnapshotStore>(store, {
      async writeChunk(key, value) {
        await held
        return store.writeChunk(key, value)
      },
    })
    const leader = await leading(make('a', { journal, snapshots }))
    await write(leader, 0)
    const released = Promise.withResolvers<void>()
    held = released.promise
    const first = leader.takeSnapshot()
    const second = leader.takeSnapshot()
    cutOff = true
    const lost = assert.rejects(leader.transact(() => leader.map('m').set('never', 'journaled')))
    await until(() => leader.phase === 'settling')
    held = null
    released.resolve()
    const both = await Promise.allSettled([first, second])
    const next = await leading(make('b'), 2)
    await write(next, 1)
    await lost
    assert.equal(
      next.stale(() => next.map('m').get('never')),
      undefined,
    )
    assert.deepEqual(
      both.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
  })

  test('a leader whose queue is full gets its snapshot all the same', async (t) => {
    const { make } = world(t)
    const leader = await leading(make('a', { limits: { queueMax: 5 } }))
    await write(leader, 0)
    let writing = true
    t.after(() => {
      writing = false
    })
    const map = leader.map<number>('m')
    const writeOn = async () => {
      for (let count = 0; writing; count++)
        await leader.transact(() => map.set('k', count)).catch(() => new Promise((resolve) => setImmediate(resolve)))
    }
    const writers = Array.from({ length: 50 }, writeOn)
    await leader.takeSnapshot()
    writing = false
    await Promise.all(writers)
  })
})
