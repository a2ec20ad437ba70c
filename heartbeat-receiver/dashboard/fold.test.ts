import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Board, BoardChanges } from './board.ts'
import { beatsOf, crashesMax, foldBoard, reignsMax, trafficIntervalMs, trafficPointsMax } from './fold.ts'
import { sampleAtMs, sampleBoard } from './sample-board.ts'

const atMs = sampleAtMs + 250

describe('a board is kept up to date', () => {
  it('what is missing stays, as the same object; what is there replaces what was there', () => {
    const board = sampleBoard()
    const shards = [{ shard: 0, epoch: 9, active: 'backend-3', sinceMs: atMs }]
    const after = foldBoard(board, { atMs, shards })
    assert.deepEqual(after, { ...board, atMs, shards })
    for (const section of ['backends', 'reigns', 'crashes', 'traffic', 'journal', 'can'] as const)
      assert.equal(after[section], board[section], section)
  })

  it('figures change those of their place, and nothing else', () => {
    const board = sampleBoard()
    const after = foldBoard(board, { atMs, figures: [[1, 50_000, 3, 9, 4.5, 0.7, 0.5]] })
    const [first, second, ...others] = board.backends
    const figures = { offset: 50_000, lag: 3, inFlight: 9, eventLoopDelayMs: 4.5, suspicion: 0.7, silence: 0.5 }
    assert.deepEqual(after.backends, [first, { ...second, ...figures }, ...others])
    assert.equal(after.backends[0], first)
  })

  it('figures of a place that is not there change nothing', () => {
    const board = sampleBoard()
    assert.deepEqual(foldBoard(board, { atMs, figures: [[99, 1, 1, 1, 1, 1, 1]] }).backends, board.backends)
  })

  it('a reign is told apart by shard and epoch: a known one is replaced in its place, a new one comes last', () => {
    const board = sampleBoard()
    const [first, second, third] = board.reigns
    const changed = { ...second!, readyAtMs: 5 }
    const added = { ...third!, epoch: 9 }
    const elsewhere = { ...third!, shard: 1 }
    const after = foldBoard(board, { atMs, reigns: [changed, added, elsewhere] })
    assert.deepEqual(after.reigns, [first, changed, third, added, elsewhere])
  })

  it('the oldest is forgotten where there is too much', () => {
    const board = sampleBoard()
    const many = <Item>(count: number, make: (index: number) => Item) =>
      Array.from({ length: count }, (_, at) => make(at))
    const changes = {
      atMs,
      reigns: many(reignsMax + 5, (index) => ({ ...board.reigns[0]!, epoch: 100 + index })),
      crashes: many(crashesMax + 5, (index) => ({ ...board.crashes[0]!, id: 100 + index })),
      traffic: many(trafficPointsMax, (index) => ({ ...board.traffic[0]!, atMs: atMs + index * trafficIntervalMs })),
    } satisfies BoardChanges
    const after = foldBoard(board, changes)
    assert.deepEqual(after.reigns, changes.reigns.slice(5))
    assert.deepEqual(after.crashes, changes.crashes.slice(5))
    assert.deepEqual(after.traffic, changes.traffic)
  })

  it('heartbeats are counted by the place of their backend', () => {
    assert.deepEqual(
      [...beatsOf(sampleBoard(), { atMs, beats: '0291' })],
      [
        ['backend-2', 2],
        ['backend-3', 9],
        ['backend-4', 1],
      ],
    )
    assert.deepEqual([...beatsOf(sampleBoard(), { atMs, beats: '00001' })], [])
  })
})

describe('the sample', () => {
  it('fills every field of a board', () => {
    const isEmpty = (value: unknown) => value === null || (Array.isArray(value) && value.length === 0)
    const rows = (board: Board) => [
      ...[board.receivers, board.shards, board.backends, board.balancers, board.reigns, board.crashes, board.traffic],
    ]
    for (const section of rows(sampleBoard())) {
      assert.ok(section.length > 0)
      for (const key of Object.keys(section[0]!) as never[])
        assert.ok(!section.every((row) => isEmpty(row[key])), `${key} is filled somewhere`)
    }
  })

  it('is ordered as a board is', () => {
    const { backends, reigns, traffic } = sampleBoard()
    assert.deepEqual(
      backends.map(({ name }) => name),
      backends.map(({ name }) => name).toSorted(),
    )
    assert.deepEqual(
      reigns.map(({ epoch }) => epoch),
      [6, 7, 8],
    )
    assert.ok(
      traffic.every((point, index) => index === 0 || point.atMs === traffic[index - 1]!.atMs + trafficIntervalMs),
    )
  })
})
