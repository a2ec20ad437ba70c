/** Formats across versions: what an older one wrote is read, a newer number is refused with a way out, and docs/upgrades.md tells the numbers. */
import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { CheckpointError } from '../../checkpoint/errors.ts'
import * as library from '../../checkpoint/index.ts'
import { journalFormat } from '../../checkpoint/journal-file.ts'
import { type Claim, decodeEntry, describeEntry, encodeClaim, recordVersion } from '../../checkpoint/record.ts'
import { type Begun, decodeGeneration, encodeGeneration, manifestVersion } from '../../checkpoint/snapshot-manifest.ts'
import { snapshotsFormat } from '../../checkpoint/snapshots-file.ts'
import { createFile, openFile } from '../../checkpoint/sqlite-file.ts'
import { parseMessage } from '../../heartbeat-receiver/incoming.ts'
import {
  closeCodes,
  decisionSchema,
  protocolVersion,
  toBackendSchema,
  toFollowerSchema,
} from '../../heartbeat-receiver/protocol.ts'
import { inSession, journalStart, type KeptState, openState, underKey, writeState, written } from './kept-state.ts'

const root = join(import.meta.dirname, '..', '..')

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-formats-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

test('docs/upgrades.md tells the number of each format', async () => {
  const page = await readFile(join(root, 'docs/upgrades.md'), 'utf8')
  const rows = [...page.matchAll(/^\| ([^|]+) \| [^|]+ \| (\d+) \|/gm)].map(([, what, number]) => [
    what!.split(/[:,]/)[0]!.trim(),
    Number(number),
  ])
  assert.deepEqual(Object.fromEntries(rows), {
    'record of a journal': recordVersion,
    'manifest of a snapshot': manifestVersion,
    'file of the embedded journal': journalFormat.version,
    "file of the embedded journal's snapshots": snapshotsFormat.version,
    'messages between receivers and the others': protocolVersion,
  })
})

const folders = (await readdir(import.meta.dirname)).filter((name) => name.startsWith('written-by-'))
test('there is something that an older version wrote', () => assert.ok(folders.length > 0))

for (const folder of [...folders, 'this version']) {
  test(`what was ${folder.replaceAll('-', ' ')} is there: state, sessions, keys and answers, from a snapshot and from records`, async (t) => {
    let state: KeptState | undefined
    t.after(() => state?.close()) // before its files go
    const directory = join(await temporary(t), 'state')
    if (folder === 'this version') {
      const earlier = await openState(library, directory)
      await writeState(earlier)
      await earlier.close()
    } else await cp(join(import.meta.dirname, folder), directory, { recursive: true })
    assert.ok(journalStart(directory) > 0, 'it cannot be read without a snapshot')
    const { beforeSnapshot, afterSnapshot, keys, session } = written
    state = await openState(library, directory)
    assert.deepEqual((await state.read('a')).body, beforeSnapshot + afterSnapshot)
    const again = { status: 201, replayed: true }
    const counted = (name: string, value: number) => ({ body: { name, value } })
    assert.deepEqual(await state.increment('keyed', underKey(keys.before)), { ...again, ...counted('keyed', 1) })
    assert.deepEqual(await state.increment('keyed', underKey(keys.after)), { ...again, ...counted('keyed', 2) })
    for (const number of [1, 2])
      assert.deepEqual((await state.increment('numbered', inSession(session, number))).body, {
        name: 'numbered',
        value: number,
      })
    assert.deepEqual((await state.increment('numbered', inSession(session, 3))).body, { name: 'numbered', value: 3 })
    assert.equal(
      (await state.increment('other', underKey(keys.before))).status,
      422,
      'the key stands for another request',
    )
    assert.deepEqual((await state.read('keyed')).body, 2)
  })
}

const claim: Claim = {
  type: 'claim',
  ...{ version: recordVersion, reign: [1, 0], incarnation: 'i', node: 'n', url: 'http://n' },
  ...{ at: 1, through: 0, digest: '0'.repeat(32) },
}
const generation: Begun = { state: 'begun', generation: 'g', chunksBelow: 1, by: 'n', writtenAtMs: 1 }
const hello = {
  ...{ type: 'hello', version: protocolVersion, name: 'b', incarnation: 'b-1', url: 'http://127.0.0.1:1' },
  ...{ weight: 1, direct: true, exactlyOnce: true },
}
const follow = { type: 'follow', version: protocolVersion, role: 'balancer', name: 'f', epoch: 0 }
const decision = { shard: 0, epoch: 1, name: 'b', incarnation: 'b-1', url: 'http://b', exactlyOnce: true }

test('a record of a newer number is refused where it stands, and says to upgrade', () => {
  const bytes = encodeClaim(claim)
  bytes[0] = recordVersion + 1
  assert.throws(
    () => decodeEntry(bytes, 7),
    (error) =>
      error instanceof CheckpointError &&
      error.code === 'JOURNAL_UNREADABLE' &&
      /offset 7.*upgrade/.test(error.message),
  )
})

test('a snapshot of a newer number is passed over, and says to upgrade', () => {
  const text = new TextDecoder().decode(encodeGeneration(generation))
  const newer = text.replace(`"version":${manifestVersion}`, `"version":${manifestVersion + 1}`)
  const read = decodeGeneration('g', new TextEncoder().encode(newer))
  assert.ok(read.state === 'unusable' && /newer program.*upgrade/.test(read.why), JSON.stringify(read))
})

for (const format of [journalFormat, snapshotsFormat]) {
  test(`a ${format.what} in a file of a newer number is refused, and says what reads it`, async (t) => {
    const path = join(await temporary(t), 'file.sqlite')
    createFile(path, format)
    const database = new DatabaseSync(path)
    database.exec(`PRAGMA user_version = ${format.version + 1}`)
    database.close()
    assert.throws(
      () => openFile(path, format, 1_000),
      (error) =>
        error instanceof CheckpointError && error.code === 'JOURNAL_UNUSABLE' && /or a newer one/.test(error.message),
    )
  })
}

for (const [lane, first] of [
  ['heartbeats', hello],
  ['decisions', follow],
] as const) {
  test(`a receiver refuses a newer ${first.type}, and says which is to be upgraded first`, () => {
    const parsed = parseMessage(lane, JSON.stringify({ ...first, version: protocolVersion + 1, news: [] }), false)
    assert.ok('refusal' in parsed)
    assert.equal(parsed.refusal.code, closeCodes.versionUnsupported)
    assert.match(parsed.refusal.reason, /upgrade the receivers first/)
  })
}

test('fields that are not known are skipped: in records, manifests, messages and decisions', () => {
  const news = { news: { of: 'a later version' } }
  const { type: _, version, ...head } = describeEntry(claim)
  const text = Buffer.from(JSON.stringify({ ...head, ...news }))
  const record = Buffer.concat([Buffer.from([recordVersion, 1, 0, 0, 0, 0]), text])
  record.writeUInt32LE(text.length, 2)
  assert.deepEqual(decodeEntry(record, 0), claim)
  assert.equal(version, recordVersion)

  const manifest = JSON.parse(new TextDecoder().decode(encodeGeneration(generation)))
  assert.deepEqual(
    decodeGeneration('g', new TextEncoder().encode(JSON.stringify({ ...manifest, ...news }))),
    generation,
  )

  for (const [lane, message] of [
    ['heartbeats', hello],
    ['decisions', follow],
  ] as const)
    assert.deepEqual(parseMessage(lane, JSON.stringify({ ...message, ...news }), false), { message })

  assert.deepEqual(decisionSchema.parse({ ...decision, ...news }), decision)
  const welcome = { type: 'welcome', version: protocolVersion, heartbeatIntervalMs: 100, epoch: 1 }
  assert.deepEqual(toBackendSchema.parse({ ...welcome, ...news }), welcome)
  const told = { type: 'decisions', decisions: [decision], intervalMs: 1_000 }
  assert.deepEqual(toFollowerSchema.parse({ ...told, ...news, decisions: [{ ...decision, ...news }] }), told)
})
