/** The board of real receivers, over HTTP. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { createMemoryLog } from '../../checkpoint/index.ts'
import {
  deadUrl,
  heartbeatOf,
  helloOf,
  joinBackend,
  joinFollower,
  Peer,
  startTestReceiver,
  type TestReceiver,
} from '../test-receiver.ts'
import { packageVersion } from '../version.ts'
import type { Board, BoardChanges } from './board.ts'
import { foldBoard } from './fold.ts'

async function boardOf({ base }: TestReceiver): Promise<Board> {
  const response = await fetch(`${base}/api/board`)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('cache-control'), 'no-store')
  return (await response.json()) as Board
}

async function until<Value>(look: () => Promise<Value>, holds: (value: Value) => boolean): Promise<Value> {
  const deadlineMs = performance.now() + 20_000
  for (;;) {
    const value = await look()
    if (holds(value)) return value
    assert.ok(performance.now() < deadlineMs, `within 20 s: ${holds}, and not ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Follows the events, folding what they tell. */
async function watch(t: TestContext, { base }: TestReceiver) {
  const abort = new AbortController()
  t.after(() => abort.abort())
  const response = await fetch(`${base}/api/board/events`, { signal: abort.signal })
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const watching: { board: Board | null } = { board: null }
  const read = async () => {
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const parts = (text + chunk).split('\n\n')
      text = parts.pop()!
      for (const part of parts) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? []
        if (event === 'board') watching.board = JSON.parse(data!) as Board
        if (event === 'changes') watching.board = foldBoard(watching.board!, JSON.parse(data!) as BoardChanges)
      }
    }
  }
  read().catch(() => undefined) // it is aborted at the end
  await until(
    async () => watching.board,
    (board) => board !== null,
  )
  return watching as { board: Board }
}

const serving = (epoch: number, sequence = 2) =>
  heartbeatOf({ sequence, phase: 'active', reign: [epoch, 0], journalReign: [epoch, 0], offset: 40 })

describe('the board of a receiver', () => {
  it('shows who is there, who leads, and a failover with its crash, live', async (t) => {
    const receiver = await startTestReceiver(t)
    const watching = await watch(t, receiver)
    assert.deepEqual(watching.board.receiver, { name: 'receiver', version: packageVersion(), heartbeatMs: 60_000 })
    assert.deepEqual(
      watching.board.receivers.map(({ url, reachable }) => [url, reachable]),
      [[receiver.url, true]],
    )
    const balancer = await joinFollower(t, receiver, { name: 'lb-1' })
    await joinFollower(t, receiver, { name: 'status', role: 'observer' })
    const first = await joinBackend(t, receiver, 'a', { url: await deadUrl() })
    await first.hear('lead')
    first.say(serving(1))
    const second = await joinBackend(t, receiver, 'b')
    const live = async () => watching.board
    const before = await until(live, ({ shards, can }) => shards[0]?.sinceMs !== null && can.handOver)
    assert.deepEqual([before.shards[0]!.active, before.shards[0]!.epoch, before.journal.offset], ['a', 1, 40])
    assert.deepEqual(
      before.balancers.map(({ name, figures }) => [name, figures]),
      [['lb-1', null]],
    )
    assert.deepEqual(
      before.backends.map(({ name, active }) => [name, active]),
      [
        ['a', true],
        ['b', false],
      ],
    )
    first.kill()
    await second.hear('lead')
    second.say(serving(2))
    balancer.kill()
    const after = await until(live, ({ shards, balancers }) => shards[0]?.sinceMs !== null && balancers.length === 0)
    const [, reign] = after.reigns
    assert.deepEqual([reign!.name, reign!.previous, reign!.epoch, reign!.planned], ['b', 'a', 2, false])
    assert.ok(reign!.detectedAtMs <= reign!.decidedAtMs && reign!.decidedAtMs <= reign!.readyAtMs!)
    assert.equal(after.reigns[0]!.endedAtMs, reign!.decidedAtMs)
    assert.match(after.crashes[0]!.done, /^b leads now with epoch 2, decided in [\d.]+ ms$/)
    assert.match(after.backends[0]!.gone!, /refused/)
    assert.equal(after.can.handOver, false)
    const whole = await boardOf(receiver)
    assert.deepEqual(whole.reigns, after.reigns)
  })

  it('has the figures of balancers and their first answers; nobody else may tell any', async (t) => {
    const receiver = await startTestReceiver(t)
    const balancer = await joinFollower(t, receiver, { name: 'lb-1' })
    assert.deepEqual((await balancer.hear('decisions')).takes, ['figures'])
    const backend = await joinBackend(t, receiver, 'a')
    await backend.hear('lead')
    backend.say(serving(1))
    const figures = { requestsPerSecond: 400, errorsPerSecond: 0.5, p50Ms: 2, p99Ms: 9, held: 3, replaysPerSecond: 1 }
    await until(
      () => boardOf(receiver),
      ({ reigns }) => reigns[0]?.readyAtMs != null,
    )
    balancer.say({ type: 'figures', ...figures })
    balancer.say({ type: 'first-answer', shard: 0, epoch: 1, atMs: Date.now(), held: 4 })
    const board = await until(
      () => boardOf(receiver),
      ({ traffic, reigns }) => traffic.length > 0 && reigns[0]!.held === 4,
    )
    assert.deepEqual(
      board.balancers.map((one) => one.figures),
      [figures],
    )
    assert.ok(board.reigns[0]!.firstAnswerAtMs! >= board.reigns[0]!.readyAtMs!)
    const { atMs: _, ...point } = board.traffic[0]!
    assert.deepEqual(point, figures)
    for (const message of [
      { type: 'figures', ...figures },
      { type: 'first-answer', shard: 0, epoch: 1, atMs: 0, held: 4 },
    ]) {
      const observer = await joinFollower(t, receiver, { name: 'o', role: 'observer' })
      observer.say(message)
      assert.equal((await observer.closed).code, 1008)
    }
    balancer.say({ type: 'figures', ...figures, held: -1 })
    assert.equal((await balancer.closed).code, 1007)
  })

  it('is the same on one that follows: it is told by no other, and knows it all', async (t) => {
    const journal = createMemoryLog()
    const first = await startTestReceiver(t, { journal, name: 'r1' })
    await until(
      () => boardOf(first),
      ({ receivers }) => receivers[0]!.leads,
    )
    const second = await startTestReceiver(t, {
      journal,
      name: 'r2',
      peers: [first.url, await deadUrl().then((url) => url.replace('http', 'ws'))],
    })
    const known = await until(
      () => boardOf(second),
      ({ receivers }) => receivers[1]!.leads,
    )
    assert.deepEqual(
      known.receivers.map(({ name, leads, reachable }) => [name, leads, reachable]),
      [
        ['r2', false, true],
        ['r1', true, true],
        [null, false, false],
      ],
    )
    assert.equal(typeof known.receivers[2]!.problem, 'string')
    const join = async (name: string, url: string) => {
      const led = await joinBackend(t, first, name, { url })
      const heard = await joinBackend(t, second, name, { url })
      return { led, heard }
    }
    const a = await join('a', await deadUrl())
    await a.led.hear('lead')
    for (const peer of [a.led, a.heard]) peer.say(serving(1))
    const b = await join('b', 'http://127.0.0.1:9')
    await until(
      () => boardOf(second),
      ({ shards }) => shards[0]?.sinceMs !== undefined && shards[0].sinceMs !== null,
    )
    a.led.kill()
    a.heard.kill()
    await b.led.hear('lead')
    for (const peer of [b.led, b.heard]) peer.say(serving(2))
    const told = (board: Board) => ({
      // The first decision is told once it is durable; one that follows knows when it was made.
      reigns: board.reigns.map(({ readyAtMs: _, endedAtMs: __, decidedAtMs, ...reign }) =>
        reign.epoch === 1 ? reign : { ...reign, decidedAtMs },
      ),
      crashes: board.crashes.map(({ name, reason, proven }) => ({ name, reason, proven })),
    })
    const complete = ({ reigns, crashes }: Board) => crashes.length === 1 && reigns[1]?.readyAtMs != null
    const leading = await until(() => boardOf(first), complete)
    const following = await until(() => boardOf(second), complete)
    assert.deepEqual(told(following).reigns, told(leading).reigns)
    assert.deepEqual(told(following).crashes, told(leading).crashes)
    assert.match(following.crashes[0]!.done, /^b leads now with epoch 2/)
  })

  it('keeps the escape codes of what a server printed last from whoever looks', async (t) => {
    const receiver = await startTestReceiver(t)
    const backend = await new Peer(t, `${receiver.url}/heartbeats`).open()
    backend.say(helloOf('a'))
    await backend.hear('welcome')
    backend.say({ type: 'goodbye', reason: 'exit code 1', crashed: true, lastLines: ['\u001b[31mred\u0007'] })
    const { crashes } = await until(
      () => boardOf(receiver),
      ({ crashes }) => crashes.length === 1,
    )
    assert.deepEqual(crashes[0]!.lastLines, ['red'])
  })

  it('is shown to nobody without the token', async (t) => {
    const receiver = await startTestReceiver(t, { token: 'a-secret' })
    for (const path of ['/api/board', '/api/board/events']) {
      assert.equal((await fetch(`${receiver.base}${path}`)).status, 401, path)
      const given = await fetch(`${receiver.base}${path}`, { headers: { authorization: 'Bearer a-secret' } })
      assert.equal(given.status, 200, path)
      await given.body!.cancel()
    }
  })
})
