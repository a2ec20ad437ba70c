import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Board } from '../../heartbeat-receiver/dashboard/board.ts'
import { sampleBoard } from '../../heartbeat-receiver/dashboard/sample-board.ts'
import { boardAtFirst, boardNews } from './board-news.ts'

const board = sampleBoard()
const [dead, active, draining, starting] = board.backends as [
  Board['backends'][0],
  Board['backends'][0],
  Board['backends'][0],
  Board['backends'][0],
]
const last = board.reigns.at(-1)!

const cases: [rule: string, before: Partial<Board>, after: Partial<Board>, lines: string[]][] = [
  [
    'figures are no news',
    {},
    { backends: board.backends.map((backend) => ({ ...backend, lag: 7, silence: 0.9 })) },
    [],
  ],
  ['who joins', { backends: [active] }, { backends: [active, draining] }, ['backend-3 joined: draining']],
  [
    'who is gone, and is told of nowhere else',
    { backends: [draining] },
    { backends: [{ ...draining, alive: false, gone: 'stopped' }] },
    ['backend-3 is gone: stopped'],
  ],
  ['who crashed is told of once', { backends: [{ ...dead, alive: true }] }, { backends: [dead] }, []],
  [
    'a new incarnation is another backend',
    { backends: [draining] },
    { backends: [{ ...draining, incarnation: 'new' }] },
    ['backend-3 joined: draining'],
  ],
  [
    'who has caught up',
    { backends: [starting] },
    { backends: [{ ...starting, phase: 'standby' }] },
    ['backend-4: starting, now standby'],
  ],
  [
    'a failover comes in steps',
    { reigns: [{ ...last, readyAtMs: null, firstAnswerAtMs: null }] },
    { reigns: [last] },
    ['backend-2 leads, epoch 8, ready after 23 ms', 'first answer of epoch 8 after 26 ms, 27 requests waited'],
  ],
  [
    'a crash with what was done and what is to do',
    { crashes: [] },
    {},
    [
      'backend-1 crashed: its connection was closed and a new one was refused; backend-2 leads now with epoch 8, decided in 4 ms; to do: start backend-1 again: only one other backend is ready to take over; its last lines: <b>about to crash</b> | Segmentation fault',
    ],
  ],
  [
    'another receiver that decides',
    { receivers: [{ ...board.receivers[0]!, leads: false }] },
    { receivers: [board.receivers[0]!] },
    ['receiver-1 decides'],
  ],
  [
    'a journal that is away, and back',
    { journal: { ...board.journal, reachable: false } },
    {},
    ['the journal is reached again'],
  ],
]

for (const [rule, before, after, lines] of cases)
  test(rule, () => assert.deepEqual(boardNews({ ...board, ...before }, { ...board, ...after }), lines))

test('the same board is no news', () => assert.deepEqual(boardNews(board, board), []))

test('at first it is said who is there', () => {
  const lines = boardAtFirst(board)
  assert.deepEqual(lines.slice(0, 3), [
    'as receiver-1 sees it',
    'backend-2 is active, epoch 8',
    'backend-1: gone, 0 behind',
  ])
})
