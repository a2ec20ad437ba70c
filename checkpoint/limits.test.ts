import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCheckpoint } from './index.ts'
import { messageBytesMin } from './kafka-settings.ts'
import { checkedLimits, defaultLimits, groupTooLarge } from './limits.ts'
import { memoryJournal } from './memory-journal.ts'

test('limits that are not chosen have their defaults, and the defaults make sense', () => {
  assert.deepEqual(checkedLimits(), defaultLimits)
  assert.deepEqual(checkedLimits({ keysMax: 5 }), { ...defaultLimits, keysMax: 5 })
})

test('limits that make no sense are refused, all of them in one line', () => {
  const rows: [object, RegExp][] = [
    [{ queueMax: 0 }, /^queueMax is 0 and must be a whole number, at least 1$/],
    [{ keyAgeMs: Number.NaN }, /keyAgeMs is NaN/],
    [{ keyBytesMax: 1e300 }, /keyBytesMax is 1e\+300/],
    [{ transactionBytesMax: 900_001 }, /^transactionBytesMax is 900001 and must not be above groupBytesMax, 900000$/],
    [{ queueBytesMax: 1_000 }, /transactionBytesMax is 900000 and must not be above queueBytesMax, 1000/],
    [{ responseBytesMax: 800, transactionBytesMax: 700 }, /responseBytesMax is 800 .* transactionBytesMax, 700/],
    [{ appendDeadlineMs: 9_000 }, /appendDeadlineMs is 9000 .* appendDeadlineMaxMs, 8000/],
    [{ queuMax: 5 }, /^there is no limit queuMax$/],
    [{ queueMax: -1, keysMax: 1.5 }, /^keysMax is 1.5 .*; queueMax is -1 /],
  ]
  for (const [limits, message] of rows)
    assert.throws(() => checkedLimits(limits), { code: 'OPTIONS_WRONG', message }, JSON.stringify(limits))
  const journal = memoryJournal()
  assert.throws(() => createCheckpoint({ journal, limits: { sessionsMax: 0 } }), { code: 'OPTIONS_WRONG' })
})

test('a group must fit into the records that the journal takes, with room for their head', async () => {
  assert.equal(
    groupTooLarge(defaultLimits.groupBytesMax, messageBytesMin),
    undefined,
    'the least that a topic may have',
  )
  assert.match(
    groupTooLarge(2_000_000, 1_048_588)!,
    /^groupBytesMax is 2000000 and must not be above 983052: .* 1048588 bytes/,
  )
  const journal = Object.assign(memoryJournal(), { recordBytesMax: 1_000_000 })
  const limits = { groupBytesMax: 950_000 }
  const refused = createCheckpoint({ journal, limits }).start()
  await assert.rejects(refused, { code: 'OPTIONS_WRONG', message: /must not be above 934464/ })
})
