/** Real backends and a real receiver: one that leads is drained, and chosen for nothing until it is undrained. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import express from 'express'
import pino from 'pino'
import { createMemoryLog, memoryJournal } from '../checkpoint/index.ts'
import type { Board, BoardBackend } from '../heartbeat-receiver/dashboard/board.ts'
import { startTestReceiver, type TestReceiver } from '../heartbeat-receiver/test-receiver.ts'
import { createBackend } from './backend.ts'
import { backendOptions } from './config.ts'

const log = pino({ level: 'silent' })

async function startBackend(t: TestContext, receiver: TestReceiver, name: string, journal = createMemoryLog()) {
  const parsed = backendOptions.parse({ port: 0, name, receivers: receiver.url })
  const backend = createBackend({ ...parsed, log, journal: memoryJournal(journal) })
  t.after(() => backend.close())
  await backend.start(express())
  return backend
}

async function until(receiver: TestReceiver, holds: (board: Board) => boolean): Promise<Board> {
  const deadlineMs = performance.now() + 20_000
  for (;;) {
    const board = (await (await fetch(`${receiver.base}/api/board`)).json()) as Board
    if (holds(board)) return board
    assert.ok(performance.now() < deadlineMs, `within 20 s: ${holds}, and not ${JSON.stringify(board)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function drain({ base }: TestReceiver, name: string, draining: boolean) {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ name, draining })
  const response = await fetch(`${base}/api/drain`, { method: 'POST', headers, body })
  return { status: response.status, body: (await response.json()) as { failure?: string } }
}

const leads = (name: string) => (board: Board) => board.shards[0]?.active === name && board.shards[0].sinceMs !== null
const standby = ({ name, phase }: BoardBackend) => name === 'b' && phase === 'standby'

test('an active that is drained hands over, is chosen for nothing, and follows on until it is undrained', async (t) => {
  const receiver = await startTestReceiver(t, { heartbeatMs: 1_000 }) // nobody is suspected on a busy machine
  const journal = createMemoryLog()
  const a = await startBackend(t, receiver, 'a', journal)
  await until(receiver, leads('a'))
  assert.deepEqual((await drain(receiver, 'a', true)).body.failure, 'no-successor')
  const b = await startBackend(t, receiver, 'b', journal)
  await until(receiver, (board) => board.can.handOver && board.backends.some(standby))
  assert.equal((await drain(receiver, 'a', true)).status, 200)
  const drained = await until(receiver, leads('b'))
  assert.deepEqual(
    drained.backends.map(({ draining }) => draining),
    [true, false],
  )
  assert.equal(drained.reigns.at(-1)!.planned, true)
  assert.equal((await drain(receiver, 'b', true)).body.failure, 'no-successor')
  const seats = b.checkpoint.map<string>('seats')
  await b.checkpoint.transact(() => void seats.set('1', 'taken'))
  while (a.checkpoint.stale(() => a.checkpoint.map<string>('seats').get('1')) !== 'taken')
    await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal((await drain(receiver, 'a', false)).status, 200)
  await b.close()
  await until(receiver, leads('a'))
})
