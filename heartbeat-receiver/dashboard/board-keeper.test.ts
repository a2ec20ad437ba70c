import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Sighting } from '../backend-view.ts'
import type { Crash } from '../events.ts'
import type { Decision, ReceiverEvent } from '../protocol.ts'
import type { BalancerFigures, Board, BoardBackend, BoardReceiver, BoardShard } from './board.ts'
import { BoardKeeper, goneShownMs } from './board-keeper.ts'
import { beatsOf, crashesMax, foldBoard, reignsMax, trafficPointsMax } from './fold.ts'
import { sampleBoard } from './sample-board.ts'

const decisionOf = (epoch: number, name: string, shard = 0): Decision => ({
  ...{ shard, epoch, name, incarnation: `${name}-1`, url: `http://${name}`, exactlyOnce: true },
})
type Decided = ReceiverEvent & { type: 'decided' }
const decidedOf = (epoch: number, name: string, atMs: number, more: Partial<Decided> = {}): Decided => ({
  ...{ type: 'decided', atMs, decision: decisionOf(epoch, name), previous: null, reason: 'because' },
  ...{ detectedAtMs: atMs - 4, ...more },
})
const readyOf = (epoch: number, name: string, atMs: number): ReceiverEvent => ({
  ...{ type: 'ready', atMs, name, incarnation: `${name}-1`, epoch },
})
const sightingOf = (name: string, more: Partial<BoardBackend> = {}, goneAtMs: number | null = null): Sighting => ({
  backend: {
    ...sampleBoard().backends[2]!,
    ...{ name, incarnation: `${name}-1`, draining: false },
    ...(goneAtMs === null ? {} : { alive: false, gone: 'it is gone' }),
    ...more,
  },
  ...{ goneAtMs, journalReachable: goneAtMs === null ? true : null, drains: goneAtMs === null },
})
const crashOf = (name: string, more: Partial<Crash> = {}): Crash => ({
  ...{ name, incarnation: `${name}-1`, reason: 'silent for 201 ms', proven: false, lastLines: [], tookMs: 4.04 },
  leader: { name: 'b', epoch: 2, decided: true },
  ...more,
})
const figuresOf = (more: Partial<BalancerFigures> = {}): BalancerFigures => ({
  ...{ requestsPerSecond: 100, errorsPerSecond: 0, p50Ms: 2, p99Ms: 9, held: 0, replaysPerSecond: 0 },
  ...more,
})

/** A keeper over what a test says there is. */
function keeperOf(seen: Sighting[] = []) {
  const world = {
    seen,
    receivers: [{ url: 'ws://r1', name: 'r1', leads: true, reachable: true, problem: null }] as BoardReceiver[],
    shards: [] as BoardShard[],
    heartbeats: new Map<string, number>(),
    urgent: 0,
    looks: 0,
    kills: false,
  }
  const keeper = new BoardKeeper({
    receiver: { name: 'r1', version: '0.0.0', heartbeatMs: 100 },
    receivers: () => world.receivers,
    shards: () => world.shards,
    sightings: () => {
      world.looks++
      return world.seen
    },
    heartbeatsOf: (name) => world.heartbeats.get(name) ?? 0,
    kills: world.kills,
    urgent: () => {
      world.urgent++
    },
  })
  return { keeper, world }
}

describe('the board', () => {
  it('shows backends by name, and those that are gone for a minute', () => {
    const { keeper } = keeperOf([sightingOf('c'), sightingOf('a', {}, 1_000), sightingOf('b')])
    const names = (atMs: number) => keeper.board(atMs).backends.map(({ name }) => name)
    assert.deepEqual(names(1_000 + goneShownMs - 1), ['a', 'b', 'c'])
    assert.deepEqual(names(1_000 + goneShownMs), ['b', 'c'])
  })

  it('shows the journal as the living see it: its end, its rate, and whether anybody reaches it', () => {
    const { keeper, world } = keeperOf()
    assert.deepEqual(keeper.board(0).journal, { reachable: null, offset: 0, recordsPerSecond: 0 })
    const gone = sightingOf('c', { offset: 9_999 }, 0)
    const deaf = { ...sightingOf('a', { offset: 90, lag: 60 }), journalReachable: false }
    world.seen = [gone, deaf]
    assert.deepEqual(keeper.board(500).journal, { reachable: false, offset: 150, recordsPerSecond: 0 })
    world.seen = [gone, deaf, sightingOf('b', { offset: 350, lag: 50 })]
    assert.deepEqual(keeper.board(2_000).journal, { reachable: true, offset: 400, recordsPerSecond: 200 })
  })

  it('offers a handover only where this receiver leads, a backend serves and another could', () => {
    const active = sightingOf('a', { active: true, phase: 'active', activeSinceMs: 5 })
    const can = (seen: Sighting[], leads = true) => {
      const { keeper, world } = keeperOf(seen)
      world.receivers = world.receivers.map((receiver) => ({ ...receiver, leads }))
      return keeper.board(0).can.handOver
    }
    assert.equal(can([active, sightingOf('b')]), true)
    assert.equal(can([active, sightingOf('b')], false), false)
    assert.equal(can([sightingOf('a', { active: true, activeSinceMs: null }), sightingOf('b')]), false)
    assert.equal(can([active]), false)
    assert.equal(can([active, sightingOf('b', {}, 0)]), false)
    assert.equal(can([active, sightingOf('b', { phase: 'starting' })]), false)
    assert.equal(can([active, sightingOf('b', { draining: true })]), false)
  })
})

it('the board offers to drain where this receiver leads, and somebody knows how to', () => {
  const can = (drains: boolean, leads = true) => {
    const { keeper, world } = keeperOf([{ ...sightingOf('a'), drains }])
    world.receivers = world.receivers.map((receiver) => ({ ...receiver, leads }))
    return keeper.board(0).can.drain
  }
  assert.deepEqual([can(true), can(false), can(true, false)], [true, false, false])
})

describe('the reigns', () => {
  it('go from detected to decided, ready and first answer, and end with the next', () => {
    const { keeper } = keeperOf()
    keeper.balancerJoined(1, 'lb', 0)
    keeper.happened(decidedOf(1, 'a', 100))
    keeper.happened(readyOf(1, 'a', 120))
    keeper.happened(decidedOf(2, 'b', 900, { previous: 'a', detectedAtMs: 890, reason: 'a hangs' }))
    keeper.happened(readyOf(2, 'b', 920))
    keeper.firstAnswer({ shard: 0, epoch: 2, atMs: 925, held: 7 }, 926)
    const [first, second] = keeper.board(1_000).reigns
    assert.deepEqual(first, {
      ...{ shard: 0, epoch: 1, name: 'a', previous: null, reason: 'because', planned: false, detectedAtMs: 96 },
      ...{ decidedAtMs: 100, readyAtMs: 120, firstAnswerAtMs: null, held: null, endedAtMs: 900 },
    })
    assert.deepEqual(second, {
      ...{ shard: 0, epoch: 2, name: 'b', previous: 'a', reason: 'a hangs', planned: false, detectedAtMs: 890 },
      ...{ decidedAtMs: 900, readyAtMs: 920, firstAnswerAtMs: 925, held: 7, endedAtMs: null },
    })
  })

  it('a decision that is told again changes nothing', () => {
    const { keeper } = keeperOf()
    keeper.happened(decidedOf(1, 'a', 100))
    keeper.happened(readyOf(1, 'a', 120))
    keeper.happened(decidedOf(1, 'a', 150, { reason: 'another receiver decided so' }))
    assert.deepEqual(
      keeper.board(200).reigns.map(({ reason, readyAtMs }) => ({ reason, readyAtMs })),
      [{ reason: 'because', readyAtMs: 120 }],
    )
  })

  it('one that was found in the journal has the times that stand there, and was ready nobody knows when', () => {
    const { keeper } = keeperOf()
    keeper.balancerJoined(1, 'lb', 0)
    keeper.happened(decidedOf(4, 'a', 60_000, { decidedAtMs: 10_000, detectedAtMs: 9_990, planned: true }))
    keeper.happened(readyOf(4, 'a', 60_100))
    keeper.firstAnswer({ shard: 0, epoch: 4, atMs: 60_200, held: 0 }, 60_200)
    const [reign] = keeper.board(61_000).reigns
    assert.deepEqual(
      [reign!.detectedAtMs, reign!.decidedAtMs, reign!.readyAtMs, reign!.firstAnswerAtMs, reign!.planned],
      [9_990, 10_000, null, null, true],
    )
  })

  it('the first answer is the earliest of all balancers, and what they held is added up', () => {
    const { keeper } = keeperOf()
    for (const [connection, name] of [
      [1, 'x'],
      [2, 'y'],
      [3, 'late'],
    ] as const)
      keeper.balancerJoined(connection, name, 0)
    keeper.happened(decidedOf(1, 'a', 100))
    keeper.firstAnswer({ shard: 0, epoch: 1, atMs: 130, held: 4 }, 130)
    keeper.firstAnswer({ shard: 0, epoch: 1, atMs: 125, held: 3 }, 131)
    keeper.firstAnswer({ shard: 0, epoch: 1, atMs: 99_000, held: 50 }, 99_000)
    keeper.firstAnswer({ shard: 0, epoch: 9, atMs: 101, held: 50 }, 141)
    const [reign] = keeper.board(200).reigns
    assert.deepEqual([reign!.firstAnswerAtMs, reign!.held], [125, 7])
  })

  it('a balancer whose clock is wrong answers neither before the backend was ready nor in the future', () => {
    const { keeper } = keeperOf()
    keeper.balancerJoined(1, 'slow', 0)
    keeper.balancerJoined(2, 'fast', 0)
    keeper.happened(decidedOf(1, 'a', 100))
    keeper.happened(readyOf(1, 'a', 110))
    keeper.firstAnswer({ shard: 0, epoch: 1, atMs: 9_000, held: 0 }, 120)
    assert.equal(keeper.board(200).reigns[0]!.firstAnswerAtMs, 120)
    keeper.firstAnswer({ shard: 0, epoch: 1, atMs: 3, held: 0 }, 121)
    assert.equal(keeper.board(200).reigns[0]!.firstAnswerAtMs, 110)
  })

  it('only the last are kept', () => {
    const { keeper } = keeperOf()
    for (let epoch = 1; epoch <= reignsMax + 3; epoch++) keeper.happened(decidedOf(epoch, 'a', epoch))
    const epochs = keeper.board(99).reigns.map(({ epoch }) => epoch)
    assert.equal(epochs.length, reignsMax)
    assert.equal(epochs[0], 4)
  })
})

describe('the crashes', () => {
  it('are told with who is left to take over, and who is starting', () => {
    const story = (more: Partial<Crash>, seen: Sighting[]) => {
      const { keeper } = keeperOf(seen)
      const words = keeper.crashed(crashOf('a', { proven: true, ...more }), 50)
      const { done, advice } = keeper.board(60).crashes[0]!
      assert.deepEqual([words.done, words.advice], [done, advice])
      return [done, advice]
    }
    const b = sightingOf('b') // named, and not serving yet
    const starting = sightingOf('c', { phase: 'starting', progress: { ratio: 0.5, remainingMs: null } })
    assert.deepEqual(story({}, [b, sightingOf('c')]), ['b leads now with epoch 2, decided in 4 ms', null])
    assert.match(story({}, [b])[1]!, /nobody could take over from b/)
    assert.match(story({}, [b, sightingOf('a'), sightingOf('c', {}, 40)])[1]!, /nobody could take over from b/)
    assert.match(story({}, [b, sightingOf('c', { draining: true })])[1]!, /nobody could take over from b/)
    assert.equal(story({}, [b, starting])[1], null)
    assert.match(story({ leader: null }, [starting])[0]!, /and c \(50 %\) is starting$/)
    const deaf = { ...sightingOf('c'), journalReachable: false }
    assert.match(story({ leader: null }, [deaf])[1]!, /^no backend reaches the journal/)
  })

  it('of a whole fleet cost one look at it', () => {
    const { keeper, world } = keeperOf(Array.from({ length: 150 }, (_, index) => sightingOf(`n${index}`)))
    for (let count = 0; count < 150; count++) keeper.crashed(crashOf(`n${count}`), 1_000)
    assert.equal(world.looks, 1)
    keeper.crashed(crashOf('a'), 1_100)
    assert.equal(world.looks, 2)
  })

  it('that come again and again are told as a loop, each backend by itself', () => {
    const { keeper } = keeperOf([sightingOf('b'), sightingOf('c')])
    const advice = (name: string, atMs: number) => keeper.crashed(crashOf(name, { proven: true }), atMs).advice
    assert.deepEqual([advice('a', 0), advice('x', 1), advice('a', 1_000)], [null, null, null])
    assert.match(advice('a', 2_000)!, /^a crashed 3 times within a minute/)
    assert.equal(advice('x', 3_000), null)
  })

  it('have rising numbers, and only the last are kept', () => {
    const { keeper } = keeperOf()
    for (let count = 0; count < crashesMax + 2; count++) keeper.crashed(crashOf(`n${count}`), count)
    const ids = keeper.board(99).crashes.map(({ id }) => id)
    assert.deepEqual([ids.length, ids[0], ids.at(-1)], [crashesMax, 3, crashesMax + 2])
  })
})

describe('the traffic', () => {
  it('is that of all balancers together: rates added, the median by share, the slowest tail', () => {
    const { keeper } = keeperOf()
    keeper.balancerJoined(2, 'y', 0)
    keeper.balancerJoined(1, 'x', 5)
    keeper.figures(1, figuresOf({ requestsPerSecond: 300, p50Ms: 1, p99Ms: 30, held: 2 }), 400)
    keeper.figures(2, figuresOf({ requestsPerSecond: 100, p50Ms: 5, errorsPerSecond: 0.5, replaysPerSecond: 3 }), 400)
    keeper.tick(500)
    const { traffic, balancers } = keeper.board(500)
    assert.deepEqual(traffic, [
      {
        atMs: 500,
        ...figuresOf({
          requestsPerSecond: 400,
          p50Ms: 2,
          p99Ms: 30,
          held: 2,
          errorsPerSecond: 0.5,
          replaysPerSecond: 3,
        }),
      },
    ])
    assert.deepEqual(
      balancers.map(({ name, sinceMs }) => [name, sinceMs]),
      [
        ['x', 5],
        ['y', 0],
      ],
    )
  })

  it('old figures are not those of now, and where nobody says anything there is no point', () => {
    const { keeper } = keeperOf()
    keeper.tick(0)
    keeper.balancerJoined(1, 'x', 0)
    keeper.tick(500)
    keeper.figures(1, figuresOf(), 600)
    keeper.tick(2_600)
    keeper.tick(2_601)
    const { traffic, balancers } = keeper.board(2_601)
    assert.deepEqual(
      traffic.map(({ atMs }) => atMs),
      [2_600],
    )
    assert.equal(balancers[0]!.figures, null)
    keeper.balancerLeft(1)
    assert.deepEqual(keeper.board(2_700).balancers, [])
  })

  it('only the last points are kept', () => {
    const { keeper } = keeperOf()
    keeper.balancerJoined(1, 'x', 0)
    for (let atMs = 0; atMs < trafficPointsMax + 5; atMs++) {
      keeper.figures(1, figuresOf(), atMs)
      keeper.tick(atMs)
    }
    const { traffic } = keeper.board(9_999)
    assert.deepEqual([traffic.length, traffic[0]!.atMs], [trafficPointsMax, 5])
  })
})

describe('who watches', () => {
  it('is told at once of what matters, and of nothing else', () => {
    const { keeper, world } = keeperOf()
    keeper.balancerJoined(1, 'x', 0)
    const about = { name: 'a', incarnation: 'a-1' }
    keeper.happened({ type: 'joined', atMs: 0, ...about, url: 'http://a' })
    keeper.happened({ type: 'suspected', atMs: 0, ...about, reason: '' })
    keeper.figures(1, figuresOf(), 0)
    keeper.tick(0)
    assert.equal(world.urgent, 0)
    keeper.happened(decidedOf(1, 'a', 0))
    keeper.happened(readyOf(1, 'a', 0))
    keeper.happened({ type: 'left', atMs: 0, ...about, reason: '', crashed: false })
    keeper.firstAnswer({ shard: 0, epoch: 1, atMs: 0, held: 0 }, 0)
    keeper.crashed(crashOf('a'), 0)
    assert.equal(world.urgent, 5)
  })

  it('is told nothing where nothing changed, and nobody is told anything where nobody watches', () => {
    const { keeper, world } = keeperOf([sightingOf('a')])
    assert.equal(keeper.changes(0), null)
    keeper.watch(0)
    assert.equal(keeper.changes(250), null)
    world.seen = [sightingOf('a', { lag: 4 })]
    assert.deepEqual(Object.keys(keeper.changes(500)!).sort(), ['atMs', 'figures', 'journal'])
    keeper.rest()
    world.seen = []
    assert.equal(keeper.changes(750), null)
  })

  it('hears of each heartbeat since it began, also of those of a new incarnation', () => {
    const { keeper, world } = keeperOf([sightingOf('a'), sightingOf('b'), sightingOf('c')])
    world.heartbeats = new Map([
      ['a', 100],
      ['b', 5],
      ['c', 1],
    ])
    const board = keeper.watch(0)
    world.heartbeats = new Map([
      ['a', 103],
      ['b', 2],
      ['c', 90],
    ])
    assert.deepEqual(
      [...beatsOf(board, keeper.beats(200))],
      [
        ['a', 3],
        ['b', 2],
        ['c', 9],
      ],
    )
    assert.equal(keeper.beats(400).beats, '000')
  })

  it('has the whole board by folding what it is told, whatever happens', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd')
    const small = fc.integer({ min: 0, max: 3 })
    const step = fc.oneof(
      fc.record({ do: fc.constant('decide' as const), name, planned: fc.boolean() }),
      fc.record({ do: fc.constant('ready' as const), name }),
      fc.record({ do: fc.constant('answer' as const), connection: small, held: small }),
      fc.record({ do: fc.constant('crash' as const), name }),
      fc.record({ do: fc.constant('balancer' as const), connection: small, there: fc.boolean() }),
      fc.record({ do: fc.constant('figures' as const), connection: small, held: small }),
      fc.record({ do: fc.constant('backend' as const), name, lag: small, weight: small, gone: fc.boolean() }),
      fc.record({ do: fc.constant('vanish' as const), name }),
      fc.record({ do: fc.constant('lead' as const), leads: fc.boolean() }),
      fc.record({ do: fc.constant('frame' as const) }),
      fc.record({ do: fc.constant('late' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { keeper, world } = keeperOf()
        let nowMs = 0
        let epoch = 0
        const watching: { board: Board }[] = [{ board: keeper.watch(0) }]
        const tell = () => {
          const changes = keeper.changes(nowMs)
          if (changes) for (const one of watching) one.board = foldBoard(one.board, JSON.parse(JSON.stringify(changes)))
        }
        for (const step of steps) {
          nowMs += 100
          if (step.do === 'decide') keeper.happened(decidedOf(++epoch, step.name, nowMs, { planned: step.planned }))
          if (step.do === 'ready') keeper.happened(readyOf(epoch, step.name, nowMs))
          if (step.do === 'answer') keeper.firstAnswer({ shard: 0, epoch, atMs: nowMs, held: step.held }, nowMs)
          if (step.do === 'crash') keeper.crashed(crashOf(step.name), nowMs)
          if (step.do === 'balancer' && step.there)
            keeper.balancerJoined(step.connection, `lb${step.connection}`, nowMs)
          if (step.do === 'balancer' && !step.there) keeper.balancerLeft(step.connection)
          if (step.do === 'figures') {
            keeper.figures(step.connection, figuresOf({ held: step.held }), nowMs)
            keeper.tick(nowMs)
          }
          if (step.do === 'backend' || step.do === 'vanish')
            world.seen = world.seen.filter(({ backend }) => backend.name !== step.name)
          if (step.do === 'backend')
            world.seen.push(sightingOf(step.name, { lag: step.lag, weight: step.weight }, step.gone ? nowMs : null))
          if (step.do === 'lead') world.receivers = [{ ...world.receivers[0]!, leads: step.leads }]
          if (step.do === 'frame') tell()
          if (step.do === 'late') {
            tell()
            watching.push({ board: keeper.watch(nowMs) })
          }
        }
        tell()
        const { atMs: _, ...whole } = keeper.board(nowMs)
        for (const { board } of watching) {
          const { atMs: __, ...known } = board
          assert.deepEqual(known, JSON.parse(JSON.stringify(whole)))
        }
      }),
      { numRuns: 300 },
    )
  })
})
