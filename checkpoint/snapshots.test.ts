import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import pino from 'pino'
import { Checkpoint, type CheckpointOptions } from './checkpoint.ts'
import { CheckpointError } from './errors.ts'
import type { Journal, JournalRecord, RecordListener } from './journal.ts'
import { createMemoryLog, type MemoryLog, memoryJournal } from './memory-journal.ts'
import { MemorySnapshots, memorySnapshots } from './memory-snapshots.ts'
import { complete, decodeGenerations, type Manifest } from './snapshot-manifest.ts'

const snapshotTailBytes = 2_000

/** Processes over one journal and one place for snapshots, and what they logged. */
function world(t: TestContext) {
  const shared = createMemoryLog()
  const stored = new MemorySnapshots()
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const make = (name: string, options: Partial<CheckpointOptions> = {}) => {
    const journal = memoryJournal(shared)
    const limits = { snapshotTailBytes, snapshotDelayMs: 1 }
    const snapshots = memorySnapshots(stored)
    const checkpoint = new Checkpoint({ journal, snapshots, incarnation: name, node: name, log, limits, ...options })
    t.after(() => checkpoint.close(0))
    return checkpoint
  }
  const manifests = () => complete(decodeGenerations(stored.manifests))
  return { shared, stored, lines, make, manifests }
}

/** The same journal, whose tail hands its records to `deliver`, and that what it likes on. */
function tailedBy(
  inner: Journal,
  deliver: (records: JournalRecord[], onRecords: RecordListener) => Promise<void>,
): Journal {
  return {
    open: () => inner.open(),
    start: () => inner.start(),
    end: () => inner.end(),
    append: (value) => inner.append(value, 1_000),
    truncate: (before) => inner.truncate(before),
    close: () => inner.close(),
    tail: (from, onRecords) => inner.tail(from, (records) => deliver(records, onRecords)),
  }
}

async function until(what: () => boolean, mostMs = 15_000): Promise<void> {
  const deadlineMs = performance.now() + mostMs
  while (!what()) {
    assert.ok(performance.now() < deadlineMs, `not within ${mostMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function leading(checkpoint: Checkpoint, epoch = 1): Promise<Checkpoint> {
  await checkpoint.start()
  checkpoint.lead(epoch)
  assert.equal(await checkpoint.whenLeading(5_000), true)
  return checkpoint
}

/** Some keys, some deleted again, a session and a client's key. */
async function write(leader: Checkpoint, round: number): Promise<void> {
  const map = leader.map<string>('m')
  const session = await leader.openSession()
  const writing = Array.from({ length: 30 }, (_, index) =>
    leader.transact(() => map.set(`k${index}`, `${round} ${'x'.repeat(80)}`)),
  )
  await Promise.all(writing)
  await leader.transact(() => map.delete(`k${round % 30}`))
  const identity = { request: [session, 1, 1] as const, key: `key${round}`, fingerprint: 'f' }
  await new Promise<void>((resolve) =>
    leader.submit(
      () => map.set('by key', `${round}`),
      () => '"done"',
      identity,
      () => resolve(),
    ),
  )
}

/** Writes until somebody has taken so many snapshots. */
async function writeUntil(leader: Checkpoint, taken: () => number, count: number): Promise<void> {
  for (let round = 0; taken() < count; round++) {
    assert.ok(round < 4_000, 'snapshots are taken')
    await write(leader, round)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The state as a process without snapshots reads it from the whole journal; a truncated one still holds all records here. */
async function plainState(t: TestContext, shared: MemoryLog): Promise<unknown> {
  const whole = createMemoryLog()
  for (const record of shared.records) whole.append(record)
  const plain = new Checkpoint({
    journal: memoryJournal(whole),
    incarnation: 'p',
    node: 'p',
    log: pino({ level: 'silent' }),
  })
  t.after(() => plain.close(0))
  await plain.start()
  return plain.snapshot()
}

async function grown(t: TestContext, count: number) {
  const here = world(t)
  const leader = await leading(here.make('a', { standbys: () => 0 }))
  const numbers = new Set<string>()
  const taken = () => {
    for (const { generation } of here.manifests()) numbers.add(generation)
    return numbers.size
  }
  await writeUntil(leader, taken, count)
  await write(leader, 0)
  await until(() => here.manifests().length <= 2)
  return { ...here, leader }
}

const refused =
  (code: string, ...words: RegExp[]) =>
  (error: unknown) => {
    assert.ok(error instanceof CheckpointError, String(error))
    assert.equal(error.code, code)
    for (const word of words) assert.match(error.message, word)
    return true
  }

suite('snapshots of a checkpoint', { concurrency: 8 }, () => {
  test('an active that is alone takes snapshots, keeps two, and truncates the journal to the older', async (t) => {
    const { shared, manifests, leader, make, lines, stored } = await grown(t, 4)
    await until(() => shared.first === manifests()[1]?.start.offset)
    assert.equal(manifests().length, 2)
    const chunks = manifests().reduce((sum, { chunks }) => sum + chunks.length, 0)
    await until(() => stored.chunks.size === chunks)
    const next = make('b')
    await next.start()
    assert.deepEqual(next.snapshot(), leader.snapshot())
    assert.deepEqual(next.snapshot(), await plainState(t, shared))
    for (const event of [
      /begun at offset/,
      /snapshot of .* keys written/,
      /truncated to offset/,
      /removed/,
      /restored .* keys/,
    ])
      assert.ok(
        lines.some(({ msg }) => event.test(String(msg))),
        String(event),
      )
  })

  test('a standby takes them where there is one, and the active does not', async (t) => {
    const { make, manifests } = world(t)
    const leader = await leading(make('a'))
    const standby = make('b')
    await standby.start()
    await writeUntil(leader, () => manifests().length, 1)
    assert.equal(manifests()[0]?.by, 'b')
  })

  test('lead abandons a copy under way, leaves nothing of it, and says so', async (t) => {
    const { make, manifests, lines, stored } = world(t)
    const leader = await leading(make('a'))
    for (let round = 0; round < 30; round++) await write(leader, round)
    const slow = memorySnapshots(stored)
    const held = Promise.withResolvers<void>()
    const snapshots = Object.assign(Object.create(slow) as typeof slow, {
      open: () => slow.open(),
      manifests: () => slow.manifests(),
      writeManifest: (...args: Parameters<typeof slow.writeManifest>) => slow.writeManifest(...args),
      removeManifest: (name: string) => slow.removeManifest(name),
      removeChunks: (keys: string[]) => slow.removeChunks(keys),
      readChunks: (...args: Parameters<typeof slow.readChunks>) => slow.readChunks(...args),
      close: () => slow.close(),
      writeChunk: async (...args: Parameters<typeof slow.writeChunk>) => {
        await held.promise
        return slow.writeChunk(...args)
      },
    })
    const standby = make('b', { snapshots })
    await standby.start()
    await until(() => standby.status().snapshot?.taking === true)
    standby.lead(2)
    await standby.whenLeading(5_000)
    held.resolve()
    await until(() => lines.some(({ msg }) => /abandoned: the phase became claiming/.test(String(msg))))
    await until(() => standby.status().snapshot?.taking === false)
    assert.deepEqual([manifests().length, stored.chunks.size, stored.manifests.size], [0, 0, 0])
  })

  const damages: [string, (stored: MemorySnapshots, newest: Manifest) => void, RegExp][] = [
    [
      'a truncated chunk',
      ({ chunks }, { generation }) => chunks.set(`${generation}/0`, chunks.get(`${generation}/0`)!.subarray(0, 50)),
      /chunk 0 has 50 bytes/,
    ],
    [
      'a flipped bit',
      ({ chunks }, { generation }) => {
        chunks.get(`${generation}/0`)![60]! ^= 4
      },
      /checksum of chunk 0/,
    ],
    [
      'a missing chunk',
      ({ chunks }, { generation, chunks: list }) => chunks.delete(`${generation}/${list.length - 1}`),
      /1 of its \d+ chunks are missing/,
    ],
    ['the first chunk missing', ({ chunks }, { generation }) => chunks.delete(`${generation}/0`), /the first is 0/],
    [
      'no chunks at all',
      ({ chunks }, { generation }) => {
        for (const key of [...chunks.keys()]) if (key.startsWith(generation)) chunks.delete(key)
      },
      /chunks are missing/,
    ],
    [
      'a newer format',
      ({ manifests }, { generation }) => {
        const text = new TextDecoder().decode(manifests.get(generation)).replace('"version":1', '"version":2')
        manifests.set(generation, new TextEncoder().encode(text))
      },
      /version 2.*newer program.*upgrade/,
    ],
    [
      'a manifest that is cut off',
      ({ manifests }, { generation }) => manifests.set(generation, manifests.get(generation)!.subarray(0, 99)),
      /not JSON/,
    ],
  ]
  for (const [what, damage, why] of damages) {
    test(`with ${what} in the newest snapshot the one before is used, and the state is right`, async (t) => {
      const { shared, stored, manifests, make, lines } = await grown(t, 3)
      await until(() => shared.first > 0)
      const [newest, second] = manifests() as [Manifest, Manifest]
      damage(stored, newest)
      const next = make('b')
      await next.start()
      assert.deepEqual(next.snapshot(), await plainState(t, shared))
      assert.ok(lines.some(({ msg, why: told }) => msg === 'a snapshot was passed over' && why.test(String(told))))
      assert.ok(lines.some(({ event, generation }) => event === 'restored' && generation === second.generation))
    })

    test(`with ${what} in both nothing covers the truncated journal: it refuses to lead and names each and why`, async (t) => {
      const { shared, stored, manifests, make } = await grown(t, 3)
      await until(() => shared.first > 0)
      const both = manifests()
      for (const manifest of both) damage(stored, manifest)
      const next = make('b')
      await assert.rejects(
        next.start(),
        refused('HISTORY_LOST', why, ...both.map(({ generation }) => new RegExp(generation))),
      )
      assert.equal(next.lead(9), false)
    })
  }

  test('a journal truncated beyond every snapshot is refused, saying where it starts and where they end', async (t) => {
    const { shared, manifests, make } = await grown(t, 2)
    shared.first = manifests()[0]!.start.offset + 1
    const why = new RegExp(`starts at offset ${shared.first} .*offset ${manifests()[0]!.start.offset} begins`)
    await assert.rejects(make('b').start(), refused('HISTORY_LOST', why))
  })

  test('a journal that starts exactly where the snapshot does is enough', async (t) => {
    const { shared, manifests, make } = await grown(t, 2)
    shared.first = manifests()[0]!.start.offset
    const next = make('b')
    await next.start()
    assert.deepEqual(next.snapshot(), await plainState(t, shared))
  })

  test('a journal that is shorter than what a snapshot saw is refused', async (t) => {
    const { shared, manifests, make, leader } = await grown(t, 2)
    await leader.close()
    shared.records.length = manifests()[0]!.end - 1
    await assert.rejects(make('b').start(), refused('HISTORY_LOST', /ends at \d+/))
  })

  test('a journal that was lost and regrew beyond the snapshot is refused: it is another', async (t) => {
    const { shared, manifests, make, leader } = await grown(t, 2)
    await leader.close()
    shared.records.splice(0, shared.records.length)
    shared.first = 0
    const another = await leading(new Checkpoint({ journal: memoryJournal(shared), incarnation: 'z', node: 'z' }))
    t.after(() => another.close(0))
    for (let round = 0; shared.records.length <= manifests()[0]!.end + 50; round++) await write(another, round)
    await assert.rejects(make('b').start(), refused('HISTORY_DIVERGED', /another record at offset/))
  })

  test('what a crash left of an unfinished snapshot is passed over', async (t) => {
    const { shared, stored, make } = await grown(t, 1)
    const begun = { version: 1, state: 'begun', chunksBelow: 64, by: 'x', writtenAtMs: 0 }
    stored.manifests.set('unfinished', new TextEncoder().encode(JSON.stringify(begun)))
    stored.chunks.set('unfinished/0', Uint8Array.of(1, 2, 3))
    const next = make('b')
    await next.start()
    assert.deepEqual(next.snapshot(), await plainState(t, shared))
  })

  test('nobody is ready before the end of a snapshot is read', async (t) => {
    const { shared, stored, make } = await grown(t, 1)
    const inner = memoryJournal(shared)
    const released = Promise.withResolvers<void>()
    const journal = tailedBy(inner, async (records, onRecords) => {
      if (records.length > 1) await onRecords(records.slice(0, -1))
      await released.promise
      await onRecords(records.slice(-1))
    })
    const next = make('b', { journal, snapshots: memorySnapshots(stored) })
    const started = next.start()
    await until(() => next.status().offset >= shared.records.length - 1)
    assert.deepEqual([next.phase, next.lead(7)], ['starting', false])
    released.resolve()
    await started
    assert.equal(next.phase, 'standby')
  })

  test('a standby that its journal was truncated ahead of restores again, and goes on', async (t) => {
    const { shared, stored, make, lines } = world(t)
    const leader = await leading(make('a', { standbys: () => 0 }))
    await write(leader, 0)
    const inner = memoryJournal(shared)
    let held: Promise<void> | null = null
    const journal = tailedBy(inner, async (records, onRecords) => {
      await held
      await onRecords(records.filter(({ offset }) => offset >= shared.first)) // kafkajs resets in silence
    })
    const slow = make('b', { journal, snapshots: memorySnapshots(stored) })
    await slow.start()
    const released = Promise.withResolvers<void>()
    held = released.promise
    const generations = new Set<string>()
    await writeUntil(
      leader,
      () => {
        for (const { generation } of complete(decodeGenerations(stored.manifests))) generations.add(generation)
        return generations.size
      },
      3,
    )
    await until(() => shared.first > slow.status().offset)
    const phases: string[] = []
    slow.on('phase', (phase) => phases.push(phase))
    held = null
    released.resolve()
    await until(() => phases.includes('standby'))
    await until(() => slow.status().offset === shared.records.length)
    assert.deepEqual(phases, ['starting', 'standby'])
    assert.deepEqual(slow.snapshot(), leader.snapshot())
    assert.ok(lines.some(({ event }) => event === 'restoring'))
  })

  test('without a place for snapshots a truncated journal is refused as ever', async (t) => {
    const { shared } = await grown(t, 2)
    shared.first = 5
    const plain = new Checkpoint({ journal: memoryJournal(shared), incarnation: 'p', node: 'p' })
    await assert.rejects(plain.start(), refused('HISTORY_LOST', /there is none/))
  })

  test('a store that fails does no harm: it is said, and tried again later', async (t) => {
    const { make, lines, shared } = world(t)
    const broken = memorySnapshots()
    const snapshots = Object.assign(Object.create(broken) as typeof broken, {
      open: async () => undefined,
      close: async () => undefined,
      manifests: async () => new Map(),
      writeManifest: async () => {
        throw new CheckpointError('JOURNAL_UNREACHABLE', 'the disk is full')
      },
      removeChunks: async () => undefined,
      removeManifest: async () => undefined,
    })
    const leader = await leading(make('a', { snapshots, standbys: () => 0 }))
    for (let round = 0; !lines.some(({ msg }) => /abandoned: the disk is full/.test(String(msg))); round++) {
      assert.ok(round < 4_000)
      await write(leader, round)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.equal(leader.phase, 'active')
    assert.equal(shared.first, 0)
  })

  test('closing while one is taken leaves no manifest', async (t) => {
    const { make, manifests, stored } = world(t)
    const snapshots = memorySnapshots(stored)
    const { writeChunk } = snapshots
    const released = Promise.withResolvers<void>()
    snapshots.writeChunk = async (key, value) => {
      await released.promise
      return writeChunk.call(snapshots, key, value)
    }
    const leader = await leading(make('a', { snapshots, standbys: () => 0 }))
    for (let round = 0; round < 20; round++) await write(leader, round)
    await until(() => leader.status().snapshot?.taking === true)
    const closed = leader.close()
    released.resolve()
    await closed
    assert.equal(manifests().length, 0)
  })

  test('a manifest is not written before all that the copy saw is durable', async (t) => {
    const { shared, make, manifests } = world(t)
    const journal = memoryJournal(shared)
    const { append } = journal
    let held: Promise<void> | null = null
    journal.append = async (value, deadlineMs) => {
      await held
      return append.call(journal, value, deadlineMs)
    }
    const leader = await leading(make('a', { journal, limits: { appendDeadlineMs: 8_000 } }))
    await write(leader, 0)
    const released = Promise.withResolvers<void>()
    held = released.promise
    const map = leader.map<string>('m')
    const written = leader.transact(() => map.set('speculative', 'yet'))
    const taken = leader.takeSnapshot()
    await until(() => leader.status().snapshot?.taking === true)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const before = shared.records.length
    assert.deepEqual(manifests(), [])
    held = null
    released.resolve()
    await Promise.all([written, taken])
    assert.ok(manifests()[0]!.end > before)
  })

  test('chunks that read back other than they were written make no snapshot', async (t) => {
    for (const harm of ['changed', 'lost'] as const) {
      const { stored, make } = world(t)
      const snapshots = memorySnapshots(stored)
      const { writeChunk } = snapshots
      snapshots.writeChunk = async (key, value) => {
        const location = await writeChunk.call(snapshots, key, value)
        if (harm === 'lost') stored.chunks.delete(key)
        else stored.chunks.get(key)![20]! ^= 1
        return location
      }
      const leader = await leading(make('a', { snapshots }))
      await write(leader, 0)
      await assert.rejects(
        leader.takeSnapshot(),
        harm === 'lost' ? /only 0 of 2 chunks read back/ : /reads back other than/,
      )
      assert.equal(stored.manifests.size, 0)
    }
  })

  test('a snapshot that holds fewer keys than it says is passed over', async (t) => {
    const { shared, stored, make, lines } = world(t)
    const leader = await leading(make('a'))
    await write(leader, 0)
    await leader.takeSnapshot()
    const [[generation, value]] = stored.manifests as unknown as [[string, Uint8Array]]
    const text = new TextDecoder().decode(value).replace(/"keys":\d+/, '"keys":1000')
    stored.manifests.set(generation, new TextEncoder().encode(text))
    const next = make('b')
    await next.start()
    assert.deepEqual(next.snapshot(), await plainState(t, shared))
    assert.ok(lines.some(({ why }) => /its manifest says 1000/.test(String(why))))
  })
})
