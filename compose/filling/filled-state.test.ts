import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { createCheckpoint, memoryJournal } from '../../checkpoint/index.ts'
import type { Reply } from '../load/connection.ts'
import { countWrong } from './check-filled.ts'
import { countFilled, type FilledRegister, filledKey, filledMap, filledRegister, fillState } from './filled-state.ts'

test('a key and its value are about 100 bytes', () => {
  for (const index of [0, 1_023, 9_999_999]) {
    const bytes = filledKey(index).length + JSON.stringify(filledRegister(index)).length
    assert.ok(bytes >= 95 && bytes <= 105, `${bytes}`)
  }
})

test('exactly the keys asked for are written, whatever their number is a multiple of', async (t) => {
  const log = pino({ level: 'silent' })
  for (const keys of [1, 200, 201, 12_345]) {
    const checkpoint = createCheckpoint({ journal: memoryJournal(), incarnation: `i${keys}`, node: 'n', log })
    t.after(() => checkpoint.close(0))
    await checkpoint.start()
    checkpoint.lead(1)
    assert.ok(await checkpoint.whenLeading(5_000))
    await fillState(checkpoint, keys)
    const registers = checkpoint.map<FilledRegister>(filledMap)
    const [size, right] = checkpoint.stale(() => [registers.size, countFilled(registers, keys)])
    assert.deepEqual([size, right], [keys, keys])
  }
})

/** A service that holds what `registers` says. */
function service(registers: (index: number) => object | undefined) {
  const asked: number[] = []
  const send = async ({ path }: { path: string }): Promise<Reply> => {
    const index = Number(/^\/registers\/filled-(\d{7})$/.exec(path)?.[1])
    asked.push(index)
    const found = registers(index)
    const text = JSON.stringify(found ? { key: filledKey(index), ...found } : {})
    return { type: 'response', status: found ? 200 : 404, text, backend: 'b', epoch: 1, replays: 0 }
  }
  return { asked, send }
}

test('the first and the last key are asked for, and no more than a hundred', async () => {
  const right = service(filledRegister)
  assert.equal(await countWrong(right, 1_000_000), 0)
  assert.deepEqual([right.asked.length, right.asked[0], right.asked.at(-1)], [100, 0, 999_999])
  const one = service(filledRegister)
  assert.equal(await countWrong(one, 1), 0)
  assert.deepEqual(one.asked, [0])
})

test('a key that is gone, and one with another value, are wrong', async () => {
  assert.equal(
    await countWrong(
      service((index) => (index === 2 ? undefined : filledRegister(index))),
      4,
    ),
    1,
  )
  assert.equal(
    await countWrong(
      service((index) => filledRegister(index === 3 ? 4 : index)),
      4,
    ),
    1,
  )
})
