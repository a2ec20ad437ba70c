/** Keys and names of maps that a client may have chosen: every replica has the same, or nobody has it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryLog } from './memory-journal.ts'
import { mustBeReadable, started } from './test-checkpoint.ts'

test('keys and names of maps that are no whole texts are refused, and those of any other characters are kept', async (t) => {
  const log = createMemoryLog()
  const writer = await started(t, log)
  writer.lead(1)
  await writer.whenLeading(1_000)
  const refused = { code: 'NOT_SERIALISABLE' }
  for (const strange of ['\ud800', 'a\udc00b', 5, undefined, null, {}, [], ['a'], true] as string[]) {
    await assert.rejects(
      writer.transact(() => writer.map('m').set(strange, 1)),
      refused,
      `key ${strange}`,
    )
    await assert.rejects(
      writer.transact(() => writer.map(strange).set('k', 1)),
      refused,
      `map ${strange}`,
    )
    assert.equal(
      writer.stale(() => writer.map('m').get(strange)),
      undefined,
    )
    assert.equal(await writer.transact(() => writer.map('m').delete(strange)), false)
  }
  const texts = ['', '__proto__', 'constructor', '\0', 'é', '😀', '\ufffd', 'x'.repeat(5_000)]
  await writer.transact(() => {
    for (const map of texts.slice(0, -1)) for (const key of texts) writer.map(map).set(key, key)
  })
  for (const key of texts)
    assert.equal(
      writer.stale(() => writer.map('😀').get(key)),
      key,
    )
  await mustBeReadable(t, log, writer)
})
