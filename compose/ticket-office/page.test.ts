import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pageAfter } from './page.ts'

test('a page is what sorting everything would give', () => {
  const entries = fc
    .uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 200 })
    .map((keys) => keys.map((key) => [key, key] as [string, string]))
  fc.assert(
    fc.property(entries, fc.string({ maxLength: 2 }), fc.integer({ min: 1, max: 20 }), (all, after, limit) => {
      const dumb = all
        .filter(([key]) => key > after)
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .slice(0, limit)
      assert.deepEqual(pageAfter(all, after, limit), dumb)
    }),
  )
})
