import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldBoard } from '../fold.ts'
import { sampleAtMs, sampleBoard } from '../sample-board.ts'
import { newsBetween } from './news.ts'

const board = sampleBoard()
const atMs = sampleAtMs + 1

test('what was there when the page was opened is no news, and neither are figures', () => {
  assert.deepEqual(newsBetween(null, board), [])
  assert.deepEqual(newsBetween(board, foldBoard(board, { atMs, figures: [[1, 48_300, 0, 3, 11, 0.1, 0.2]] })), [])
})

test('a crash interrupts; a failover is said when it is decided and when it answers', () => {
  const crash = { ...board.crashes[0]!, id: 2, name: 'backend-2', reason: 'it was killed', done: 'backend-3 leads now' }
  const decided = {
    ...board.reigns[2]!,
    epoch: 9,
    name: 'backend-3',
    previous: 'backend-2',
    readyAtMs: null,
    firstAnswerAtMs: null,
  }
  const told = foldBoard(board, { atMs, crashes: [crash], reigns: [decided] })
  assert.deepEqual(newsBetween(board, told), [
    { urgent: true, text: 'backend-2 crashed: It was killed. backend-3 leads now.' },
    { urgent: false, text: 'Decision: backend-3 leads under epoch 9, after backend-2.' },
  ])
  const answered = foldBoard(told, {
    atMs,
    reigns: [{ ...decided, readyAtMs: atMs, firstAnswerAtMs: decided.detectedAtMs + 41 }],
  })
  assert.deepEqual(newsBetween(told, answered), [
    { urgent: false, text: 'backend-3 answers, 41 ms after the first sign.' },
  ])
  assert.deepEqual(newsBetween(answered, foldBoard(answered, { atMs })), [])
})

test('who joins is named once', () => {
  const joined = board.backends.map((backend) => (backend.name === 'backend-1' ? { ...backend, alive: true } : backend))
  const next = foldBoard(board, { atMs, backends: joined })
  assert.deepEqual(newsBetween(board, next), [{ urgent: false, text: 'backend-1 joined.' }])
  assert.deepEqual(newsBetween(next, foldBoard(next, { atMs, backends: [...joined] })), [])
})

test('a flood is cut: nobody could listen to it', () => {
  const many = Array.from({ length: 50 }, (_, index) => ({ ...board.backends[1]!, name: `more-${index}` }))
  assert.equal(newsBetween(board, foldBoard(board, { atMs, backends: [...board.backends, ...many] })).length, 4)
})
