/** Directed scenarios of the writer: each is a hole that one rule closes, too rare for a random search to be relied on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits } from './checkpoint.ts'
import { type Effect, Replica, type Ticket } from './replica.ts'
import { Store } from './store.ts'
import { submission } from './submission.ts'

/** One log, and writers whose appends land only when a scenario says so. */
class Stage {
  readonly log: Uint8Array[] = []

  writer(incarnation: string) {
    const store = new Store(defaultLimits)
    const replica = new Replica({ incarnation, node: incarnation, url: () => '', store, limits: defaultLimits })
    const answered: unknown[] = []
    const rejected: Ticket[] = []
    const appends: Extract<Effect, { type: 'append' }>[] = []
    const carryOut = () => {
      for (const effect of replica.takeEffects()) {
        if (effect.type === 'append') appends.push(effect)
        if (effect.type === 'reject') rejected.push(...effect.tickets)
        if (effect.type === 'answer')
          for (const ticket of effect.tickets)
            answered.push((ticket as Ticket & { outcome: { result: unknown } }).outcome.result)
      }
    }
    const act = (step: () => void) => {
      step()
      carryOut()
    }
    return {
      replica,
      answered,
      rejected,
      appends,
      lead: (epoch: number) => act(() => void replica.lead(epoch, 0)),
      /** Adds one to the counter, or reads it. */
      ask: (kind: 'increment' | 'read') =>
        act(() => {
          const work = () => {
            const value = (store.get('m', 'c') as number | undefined) ?? 0
            if (kind === 'increment') store.set('m', 'c', value + 1)
            return kind === 'increment' ? value + 1 : value
          }
          replica.submit(submission(store, defaultLimits, work, String))
        }),
      flush: () => act(() => replica.flush(0)),
      /** The oldest append lands; its offset. */
      land: () => this.log.push(appends[0]!.value) - 1,
      /** The answer to the oldest append arrives. */
      acknowledge: (offset: number) => act(() => replica.appended(appends.shift()!.token, offset, 0)),
      timeOut: () => act(() => replica.appendFailed(appends.shift()!.token, 0, 'deadline')),
      readAll: () =>
        act(() => {
          while (replica.foldState.offset < this.log.length)
            replica.read(replica.foldState.offset, this.log[replica.foldState.offset]!, 0)
        }),
    }
  }

  leader(incarnation: string, epoch: number) {
    const writer = this.writer(incarnation)
    writer.readAll()
    writer.lead(epoch)
    writer.acknowledge(writer.land())
    assert.equal(writer.replica.phase, 'active')
    return writer
  }
}

test('a read never joins an append already sent: its answer would not prove that the reign still holds', () => {
  const stage = new Stage()
  const old = stage.leader('old', 1)
  old.ask('increment')
  old.flush()
  const offset = old.land() // landed, and the answer is slow
  const successor = stage.leader('new', 2)
  successor.ask('increment')
  successor.flush()
  successor.acknowledge(successor.land())
  assert.deepEqual(successor.answered, [2])
  old.ask('read')
  old.acknowledge(offset)
  old.flush()
  assert.deepEqual(old.answered, [1], 'the increment, and not the stale read')
  old.readAll()
  assert.equal(old.rejected.length, 1)
  assert.equal(old.replica.phase, 'standby')
})

test('an offset that is not the next one is no answer until what lies between was read', () => {
  const stage = new Stage()
  const old = stage.leader('old', 1)
  stage.leader('new', 2)
  old.ask('increment')
  old.flush()
  old.acknowledge(old.land())
  assert.deepEqual(old.answered, [])
  old.readAll()
  assert.deepEqual([old.answered.length, old.rejected.length, old.replica.phase], [0, 1, 'standby'])
})

test('a void record between costs a read, not the reign', () => {
  const stage = new Stage()
  const writer = stage.leader('w', 1)
  stage.log.push(stage.log[0]!) // the same claim once more: not above the current reign
  writer.ask('increment')
  writer.flush()
  writer.acknowledge(writer.land())
  assert.deepEqual(writer.answered, [])
  writer.readAll()
  assert.deepEqual([writer.answered, writer.replica.phase], [[1], 'active'])
})

for (const [name, lie] of [
  ['-1', -1],
  ['an offset already read', 0],
] as const) {
  test(`an answer of ${name} is false: the writer settles`, () => {
    const stage = new Stage()
    const writer = stage.leader('w', 1)
    writer.ask('increment')
    writer.flush()
    writer.acknowledge(lie)
    assert.deepEqual([writer.answered, writer.replica.phase, writer.replica.reign], [[], 'settling', [1, 1]])
    writer.acknowledge(writer.land())
    writer.acknowledge(writer.land())
    assert.deepEqual([writer.answered, writer.replica.phase], [[1], 'active'])
  })
}

test('an answer whose offset holds another record is false: the writer settles', () => {
  const stage = new Stage()
  const writer = stage.leader('w', 1)
  writer.ask('increment')
  writer.flush()
  stage.log.push(stage.log[0]!, stage.log[0]!)
  writer.acknowledge(2)
  writer.readAll()
  assert.equal(writer.replica.phase, 'settling')
})

test('settle: what landed before the new claim is answered once, what did not is appended again', () => {
  for (const landed of [true, false]) {
    const stage = new Stage()
    const writer = stage.leader('w', 1)
    writer.ask('increment')
    writer.flush()
    if (landed) writer.land()
    const late = writer.appends[0]!.value
    writer.timeOut()
    writer.ask('increment')
    const offset = writer.land()
    writer.acknowledge(offset)
    writer.readAll()
    if (!landed) stage.log.push(late) // void now: of an attempt that is over
    while (writer.appends.length > 0) {
      writer.acknowledge(writer.land())
      writer.readAll()
    }
    assert.deepEqual(writer.answered, [1, 2], landed ? 'landed' : 'did not land')
    const reader = stage.leader('r', 9)
    reader.ask('read')
    reader.flush()
    reader.acknowledge(reader.land())
    assert.deepEqual(reader.answered, [2])
  }
})

test('deadlines and pauses of settling double up to a cap', () => {
  const stage = new Stage()
  const writer = stage.leader('w', 1)
  writer.ask('increment')
  writer.flush()
  const seen: [number, number][] = []
  for (let turn = 0; turn < 12; turn++) {
    seen.push([writer.appends[0]!.deadlineMs, writer.appends[0]!.delayMs])
    writer.timeOut()
  }
  assert.deepEqual(seen.slice(0, 5), [
    [1_000, 0],
    [2_000, 10],
    [4_000, 20],
    [8_000, 40],
    [8_000, 80],
  ])
  assert.deepEqual(seen.at(-1), [8_000, 1_000])
})

test('a writer that is named again while an append is under way claims the higher epoch when it is settled', () => {
  const stage = new Stage()
  const writer = stage.leader('w', 1)
  writer.ask('increment')
  writer.flush()
  writer.lead(5)
  assert.equal(writer.appends.length, 1, 'one append in flight')
  writer.acknowledge(writer.land())
  assert.deepEqual([writer.answered, writer.replica.phase, writer.replica.reign], [[1], 'settling', [5, 0]])
  writer.acknowledge(writer.land())
  assert.equal(writer.replica.phase, 'active')
  assert.equal(writer.replica.lead(5, 0), false, 'an epoch is led once')
})
