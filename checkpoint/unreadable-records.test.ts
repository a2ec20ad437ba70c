/** What a reader would refuse no writer may write: one such record ends every start from its journal, for ever. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Checkpoint } from './checkpoint.ts'
import { CheckpointError } from './errors.ts'
import { createMemoryLog, memoryJournal } from './memory-journal.ts'
import type { Outcome } from './submission.ts'
import { mustBeReadable, silent, started } from './test-checkpoint.ts'

const isWrong = (error: unknown) => error instanceof CheckpointError && error.code === 'OPTIONS_WRONG'

test('an epoch that is no whole number is refused, and nothing is claimed', async (t) => {
  for (const epoch of [Number.NaN, 1.5, Number.POSITIVE_INFINITY, 2 ** 53, '7' as unknown as number]) {
    const log = createMemoryLog()
    const writer = await started(t, log)
    assert.throws(() => writer.lead(epoch), isWrong, String(epoch))
    assert.ok(writer.lead(1))
    assert.ok(await writer.whenLeading(1_000))
    await mustBeReadable(t, log, writer)
  }
})

test('an incarnation without a name is refused', () => {
  assert.throws(() => new Checkpoint({ journal: memoryJournal(), log: silent, incarnation: '' }), isWrong)
})

test('a caller who tells who asks in numbers that are none fails alone', async (t) => {
  const log = createMemoryLog()
  const writer = await started(t, log)
  writer.lead(1)
  await writer.whenLeading(1_000)
  const session = await writer.openSession()
  const counts = writer.map<number>('counts')
  const ask = (identity: Parameters<Checkpoint['submit']>[2]) =>
    new Promise<Outcome<number>>((resolve) => {
      const work = () => {
        counts.set('c', (counts.get('c') ?? 0) + 1)
        return counts.get('c')!
      }
      writer.submit(work, String, identity, resolve)
    })
  const identities = [
    { request: [session, 1.5, 0] as const },
    { request: [session, 1, -1] as const },
    { request: [session, Number.NaN, 0] as const },
    { key: 5 as unknown as string },
    { key: 'k', fingerprint: {} as unknown as string },
  ]
  for (const identity of identities) {
    const outcome = await ask(identity)
    assert.ok(outcome.kind === 'failed' && isWrong(outcome.error), JSON.stringify(identity))
  }
  const outcome = await ask({ request: [session, 1, 0], key: 'k', fingerprint: 'f' })
  assert.equal(outcome.kind === 'ran' && outcome.result, 1)
  await mustBeReadable(t, log, writer)
})
