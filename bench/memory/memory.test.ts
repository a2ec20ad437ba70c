import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Held, Holding } from './holding.ts'

function hold(holding: Partial<Holding>): Held {
  const all = { keys: 0, sessions: 0, answersEach: 0, clientKeys: 0, ...holding }
  const program = join(import.meta.dirname, 'holding-process.ts')
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', program, JSON.stringify(all)], { encoding: 'utf8' }))
}

test('what is held is held: keys outside of the heap, what exactly-once remembers on it', () => {
  const [nothing, keys, remembered] = [
    hold({}),
    hold({ keys: 100_000 }),
    hold({ sessions: 100, answersEach: 100, clientKeys: 20_000 }),
  ]
  assert.equal(keys.dataBytes, 9_900_000)
  assert.ok(keys.external - nothing.external > keys.dataBytes)
  assert.ok(keys.heapUsed - nothing.heapUsed < keys.dataBytes / 2)
  assert.equal(remembered.dataBytes, 100 * 100 * 103 + 20_000 * 166)
  assert.ok(remembered.heapUsed - nothing.heapUsed > remembered.dataBytes)
})
