import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CrashAnswer, crashStory } from './crash-story.ts'

const names = ['a', 'b', 'c']
const killed = 'b'
const crash = { killed, killedAtMs: 1_000, names }

/** One answer per millisecond in turns; from 1,000 on without b. */
function answers(change: (answer: CrashAnswer) => CrashAnswer | undefined): CrashAnswer[] {
  return Array.from({ length: 2_000 }, (_, atMs) => {
    const backend = atMs <= 1_000 ? names[atMs % 3]! : atMs % 2 === 0 ? 'a' : 'c'
    return change({ atMs, latencyMs: 5, backend, replays: 0 })
  }).filter((answer) => answer !== undefined)
}

test('traffic has moved when nothing comes from the killed one and next to nothing is sent again', () => {
  const late = answers((answer) => {
    if (answer.atMs === 1_003) return { ...answer, backend: killed }
    if (answer.atMs > 1_003 && answer.atMs <= 1_030) return { ...answer, replays: 1 }
    // A breaker that tries again: one in a hundred.
    return answer.atMs === 1_500 ? { ...answer, replays: 1 } : answer
  })
  const story = crashStory(late, crash)
  assert.equal(story.movedMs, 31)
  assert.equal(story.sentAgain, 28)
  assert.equal(story.sharesAfter[killed], 0)
  assert.ok(Math.abs(story.sharesBefore[killed]! - 1 / 3) < 0.01)
})

test('where nothing had to move, no time passed but to the next answer', () => {
  assert.equal(
    crashStory(
      answers((answer) => answer),
      crash,
    ).movedMs,
    1,
  )
})

test('pause and response times are those around the kill', () => {
  const story = crashStory(
    answers((answer) => {
      if (answer.atMs > 100 && answer.atMs < 300) return undefined // long before
      if (answer.atMs > 1_010 && answer.atMs < 1_060) return undefined
      return answer.atMs > 1_000 && answer.atMs < 1_100 ? { ...answer, latencyMs: 90 } : answer
    }),
    { ...crash, killedAtMs: 1_005 },
  )
  assert.equal(story.pauseMs, 50)
  assert.deepEqual([story.p99BeforeMs, story.p99AfterMs], [5, 90])
})

test('traffic that never moved is told as such: until the last answer', () => {
  const never = answers((answer) => (answer.atMs > 1_000 ? { ...answer, backend: killed } : answer))
  assert.equal(crashStory(never, crash).movedMs, 999)
})
