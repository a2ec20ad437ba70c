/** Directed scenarios of the writer: each is a hole that one rule closes, too rare for a random search to be relied on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits } from './checkpoint.ts'
import { Stage } from './stage.ts'

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

test('what a writer ran ahead of its claim does not outlive the reign of another in between', () => {
  const stage = new Stage()
  const writer = stage.leader('w', 1)
  writer.lead(3)
  writer.ask('increment') // upon a state in which nobody else has counted
  const other = stage.writer('other')
  other.readAll()
  other.lead(2)
  other.settle()
  other.ask('increment')
  other.settle()
  assert.deepEqual(other.answered, [1])
  writer.readAll()
  assert.deepEqual([writer.rejected.length, writer.replica.phase], [1, 'claiming'])
  writer.settle()
  writer.ask('increment')
  writer.settle()
  assert.deepEqual(writer.answered, [2])
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

test('the first request of a session that was idle for long is remembered: it is not ended under it', () => {
  const stage = new Stage()
  const first = stage.leader('a', 1)
  first.openSession()
  first.settle()
  first.nowMs = defaultLimits.sessionIdleMs + 1_000
  first.ask('increment', { request: ['1', 1, 1] })
  first.flush()
  first.land() // durable, and the writer dies before it answers
  const successor = stage.leader('b', 2)
  successor.ask('increment', { request: ['1', 1, 1] })
  successor.settle()
  assert.deepEqual(successor.answered, ['recorded'])
})

test('a number that comes after a higher one which is done with it is forgotten alike by writer and standby', () => {
  const stage = new Stage()
  const writer = stage.leader('a', 1)
  writer.openSession()
  writer.settle()
  writer.ask('increment', { request: ['1', 7, 6] })
  writer.ask('increment', { request: ['1', 5, 5] })
  writer.settle()
  const standby = stage.writer('b')
  standby.readAll()
  assert.deepEqual(standby.store.snapshot(), writer.store.snapshot())
})

test('a commit too slow for its deadline gets a longer one each time, although the small claim between is quick', () => {
  const stage = new Stage()
  const writer = stage.leader('a', 1)
  writer.ask('increment')
  writer.flush()
  const deadlines: number[] = []
  for (let turn = 0; turn < 5; turn++) {
    deadlines.push(writer.appends[0]!.deadlineMs)
    writer.timeOut()
    writer.acknowledge(writer.land())
  }
  assert.deepEqual(deadlines, [1_000, 2_000, 4_000, 8_000, 8_000])
})

test('journal time does not run backwards under a claimant that lagged: no key is forgotten early', () => {
  const stage = new Stage()
  const first = stage.leader('a', 1)
  const lagging = stage.writer('b')
  lagging.readAll()
  first.nowMs = 5_000_000
  first.ask('increment', { key: 'k1' })
  first.settle()
  lagging.lead(2)
  lagging.acknowledge(lagging.land())
  lagging.readAll()
  lagging.ask('increment', { key: 'k2' })
  lagging.settle()
  const { keys } = (lagging.store.snapshot() as { remembered: { keys: [string, { at: number }][] } }).remembered
  assert.ok(keys[1]![1].at >= keys[0]![1].at, JSON.stringify(keys))
})

test('a steady stream of keys to forget does not keep idle sessions open', () => {
  const stage = new Stage()
  const writer = stage.leader('a', 1, { keyAgeMs: 1_000, sessionIdleMs: 1_000 })
  writer.openSession()
  writer.settle()
  for (let turn = 0; turn < 400; turn++) {
    writer.nowMs += 10
    writer.ask('increment', { key: `k${turn}` })
    writer.settle()
  }
  assert.equal(writer.store.remembered.counts().sessions, 0)
})

test('an append that was answered and is not there, because the journal ends before it, is settled after a while', () => {
  const stage = new Stage()
  const writer = stage.leader('a', 1)
  writer.ask('increment')
  writer.flush()
  writer.acknowledge(50)
  writer.sawEnd(1)
  assert.equal(writer.appends.length, 0, 'what was seen of the end may be older than the answer')
  writer.nowMs += defaultLimits.appendDeadlineMaxMs
  writer.sawEnd(1)
  writer.settle()
  assert.deepEqual(writer.answered, [1])
})
