import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { KillTurns } from './kill-turns.ts'

const longMs = 60_000

/** Work that ends when it is told to. */
function work(trace: string[], name: string) {
  const end = Promise.withResolvers<void>()
  const begin = async () => {
    trace.push(`${name} begins`)
    await end.promise
    trace.push(`${name} ends`)
  }
  return { begin, end: end.resolve, fail: end.reject }
}

test('a wish waits for the scripted kill that is under way', async () => {
  const [turns, trace] = [new KillTurns(), [] as string[]]
  const [scripted, wished] = [work(trace, 'script'), work(trace, 'wish')]
  const done = turns.script(scripted.begin)
  const granted = turns.byHand(wished.begin, longMs)
  await turn()
  scripted.end()
  await done
  assert.equal(await granted, true)
  assert.deepEqual(trace, ['script begins', 'script ends', 'wish begins'])
})

test('it does not wait for ever, and is not done later', async () => {
  const [turns, trace] = [new KillTurns(), [] as string[]]
  const [scripted, wished] = [work(trace, 'script'), work(trace, 'wish')]
  const done = turns.script(scripted.begin)
  assert.equal(await turns.byHand(wished.begin, 1), false)
  scripted.end()
  await done
  assert.deepEqual(trace, ['script begins', 'script ends'])
})

test('wishes do not wait for each other: two at once are a harder failure', async () => {
  const [turns, trace] = [new KillTurns(), [] as string[]]
  const [one, two] = [work(trace, 'one'), work(trace, 'two')]
  assert.deepEqual([await turns.byHand(one.begin, longMs), await turns.byHand(two.begin, longMs)], [true, true])
  assert.deepEqual(trace, ['one begins', 'two begins'])
})

test('the script waits until all that was wished is over, also what failed', async () => {
  const [turns, trace] = [new KillTurns(), [] as string[]]
  const [one, two, scripted] = [work(trace, 'one'), work(trace, 'two'), work(trace, 'script')]
  await turns.byHand(one.begin, longMs)
  await turns.byHand(two.begin, longMs)
  const done = turns.script(scripted.begin)
  one.end()
  await turn()
  two.fail(new Error('no luck'))
  await turn()
  scripted.end()
  await done
  assert.deepEqual(trace, ['one begins', 'two begins', 'one ends', 'script begins', 'script ends'])
})

test('a script that fails says so, and lets wishes through', async () => {
  const turns = new KillTurns()
  await assert.rejects(
    turns.script(async () => {
      throw new Error('no active')
    }),
    /no active/,
  )
  assert.equal(await turns.byHand(async () => {}, longMs), true)
})
