import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import type { Board, BoardBeats, BoardChanges } from './board.ts'
import { BoardKeeper } from './board-keeper.ts'
import { BoardStream, beatsIntervalMs, changesIntervalMs } from './board-stream.ts'
import { sampleBoard } from './sample-board.ts'

/** As much of a response as the stream needs; keeps what was written. */
class Response extends EventEmitter {
  readonly written: (string | Buffer)[] = []
  writableLength = 0
  ended = false
  writeHead(): this {
    return this
  }
  write(text: string | Buffer): boolean {
    this.written.push(text)
    return true
  }
  end(): void {
    this.ended = true
    this.emit('close')
  }
  destroy(): void {
    this.end()
  }
  /** The events of this name so far. */
  events<Data>(name: string): Data[] {
    const prefix = `event: ${name}\ndata: `
    const texts = this.written.map(String).filter((text) => text.startsWith(prefix))
    return texts.map((text) => JSON.parse(text.slice(prefix.length)) as Data)
  }
  get changes(): BoardChanges[] {
    return this.events<BoardChanges>('changes')
  }
}

/** A stream in virtual time over one backend, whose lag the test sets. */
function streamOf(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] })
  const world = { nowMs: 0, lag: 0, looks: 0, heartbeats: 0, url: 'http://b' }
  const keeper = new BoardKeeper({
    ...{ receiver: sampleBoard().receiver, receivers: () => [], shards: () => [], kills: false },
    sightings: () => {
      world.looks++
      return [
        {
          backend: { ...sampleBoard().backends[1]!, lag: world.lag, url: world.url },
          goneAtMs: null,
          journalReachable: true,
          drains: true,
        },
      ]
    },
    heartbeatsOf: () => world.heartbeats,
    urgent: () => stream.urgent(),
  })
  const stream = new BoardStream(keeper, () => world.nowMs)
  t.after(() => stream.close())
  const watch = () => {
    const response = new Response()
    const served = stream.serve(response as unknown as ServerResponse)
    return { response, served }
  }
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed++) {
      world.nowMs++
      t.mock.timers.tick(1)
    }
  }
  const crash = () =>
    keeper.crashed(
      { name: 'x', incarnation: 'x', reason: '', proven: true, lastLines: [], leader: null, tookMs: 1 },
      world.nowMs,
    )
  return { world, keeper, stream, watch, pass, crash }
}

describe('the stream of the board', () => {
  it('begins with the whole board; then come changes of figures, at most four a second, and heartbeats', (t) => {
    const { world, watch, pass } = streamOf(t)
    const { response } = watch()
    assert.equal(response.events<Board>('board').length, 1)
    for (let count = 0; count < 1_000; count++) {
      world.lag++
      if (count % 100 === 0) world.heartbeats++
      pass(1)
    }
    assert.equal(response.changes.length, 1_000 / changesIntervalMs)
    const beats = response.events<BoardBeats>('beats')
    assert.equal(beats.length, 1_000 / beatsIntervalMs)
    assert.deepEqual(
      beats.map(({ beats }) => beats),
      ['2', '2', '2', '2', '2'],
    )
  })

  it('says nothing of changes where there are none, and goes on with its beats: it is there', (t) => {
    const { watch, pass } = streamOf(t)
    const { response } = watch()
    pass(1_000)
    assert.equal(response.changes.length, 0)
    assert.deepEqual(
      response.events<BoardBeats>('beats').map(({ beats }) => beats),
      ['0', '0', '0', '0', '0'],
    )
  })

  it('what matters goes out within 50 ms, what happens together as one, and a storm in some 25 frames a second', (t) => {
    const { watch, pass, crash } = streamOf(t)
    const { response } = watch()
    pass(100)
    crash()
    crash()
    pass(50)
    assert.deepEqual(
      response.changes.map(({ crashes }) => crashes?.length),
      [2],
    )
    for (let count = 0; count < 1_000; count++) {
      crash()
      pass(1)
    }
    assert.ok(response.changes.length <= 30, `${response.changes.length} frames`)
    const ids = response.changes.flatMap(({ crashes = [] }) => crashes.map(({ id }) => id))
    assert.ok(ids.length > 900)
    assert.deepEqual(
      ids,
      ids.map((_, index) => index + 1),
    )
  })

  it('writes each frame once for all, and who comes later is shown what the others know', (t) => {
    const { world, watch, pass } = streamOf(t)
    const first = watch().response
    pass(100)
    world.lag = 7
    const second = watch().response
    assert.deepEqual(
      first.changes.map(({ figures }) => figures?.[0]?.[2]),
      [7],
      'the first is told before',
    )
    assert.equal(second.events<Board>('board')[0]!.backends[0]!.lag, 7)
    world.lag = 8
    pass(250)
    const frame = first.written.find(
      (one) => Buffer.isBuffer(one) && one.includes('changes') && second.written.includes(one),
    )
    assert.ok(frame, 'both were written the same bytes')
  })

  it('looks at nothing while nobody watches', (t) => {
    const { world, keeper, watch, pass } = streamOf(t)
    pass(2_000)
    assert.equal(world.looks, 0)
    const { response } = watch()
    pass(1_000)
    response.end()
    const { looks } = world
    assert.ok(looks > 0)
    pass(2_000)
    keeper.happened({ type: 'left', atMs: 0, name: 'a', incarnation: 'a', reason: '', crashed: false })
    pass(2_000)
    assert.equal(world.looks, looks)
  })

  it('lets go of a client that does not read, and takes no more than 64', (t) => {
    const { world, watch, pass } = streamOf(t)
    const all = Array.from({ length: 65 }, watch)
    assert.deepEqual(
      all.map(({ served }) => served),
      [...Array.from({ length: 64 }, () => true), false],
    )
    all[3]!.response.writableLength = 2 * 1024 * 1024
    world.lag = 1
    pass(250)
    assert.deepEqual(
      all.filter(({ response }) => response.ended).map(({ response }) => response),
      [all[3]!.response],
    )
    assert.equal(watch().served, true)
  })

  it('lets a client take its time with a board that is larger than the limit', (t) => {
    const { world, watch, pass } = streamOf(t)
    world.url = 'x'.repeat(2 * 1024 * 1024)
    const { response } = watch()
    response.writableLength = 2.5 * 1024 * 1024
    pass(250)
    assert.equal(response.ended, false)
    response.writableLength = 3.5 * 1024 * 1024
    pass(250)
    assert.equal(response.ended, true)
  })

  it('ends with its receiver, and takes nobody then', (t) => {
    const { stream, watch } = streamOf(t)
    const { response } = watch()
    stream.close()
    assert.equal(response.ended, true)
    assert.equal(watch().served, false)
  })
})
