/** Reads under a lease, and what they wait for: directed scenarios of the writer, each a hole that one rule closes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Stage, type StageWriter } from './stage.ts'

/** A leader whose counter is 1, and who may read from memory for long. */
function leased(stage: Stage = new Stage()): StageWriter {
  const writer = stage.leader('w', 1)
  writer.leased(1, 1_000)
  writer.ask('increment')
  writer.settle()
  writer.outcomes.length = 0
  return writer
}

test('a read under a lease that saw nothing but what is durable is answered at once, and appends nothing', () => {
  const stage = new Stage()
  const writer = leased(stage)
  const records = stage.log.length
  writer.ask('read')
  assert.deepEqual(writer.answered, [1])
  writer.flush()
  assert.deepEqual([writer.appends.length, stage.log.length], [0, records])
})

test('a read under a lease is not answered before what it saw: it rides with the append under way, and causes none', () => {
  const stage = new Stage()
  const writer = leased(stage)
  writer.ask('increment')
  writer.flush()
  writer.ask('read')
  writer.run(() => 7)
  assert.deepEqual(writer.answered, [], 'the value may yet be void')
  writer.acknowledge(writer.land())
  assert.deepEqual(writer.answered, [2, 2, 7], 'in the order in which they came')
  writer.flush()
  assert.equal(writer.appends.length, 0)
})

test('a read under a lease waits for what waits for its append', () => {
  const writer = leased()
  writer.ask('increment')
  writer.flush()
  writer.ask('increment')
  writer.ask('read')
  writer.acknowledge(writer.land())
  assert.deepEqual(writer.answered, [2])
  writer.acknowledge(writer.land())
  assert.deepEqual(writer.answered, [2, 3, 3])
})

test('a read under a lease does not wait for barriers: they change nothing', () => {
  const writer = leased()
  writer.nowMs = 2_000
  writer.ask('read')
  writer.flush()
  writer.leased(1, 1_000)
  writer.ask('read')
  assert.deepEqual(writer.answered, [1], 'the second one')
  writer.settle()
  assert.deepEqual(writer.answered, [1, 1])
})

test('a read that rides is rejected with what it saw, and leaves nothing behind', () => {
  const stage = new Stage()
  const old = leased(stage)
  old.ask('increment')
  old.flush()
  old.ask('read')
  stage.leader('new', 2)
  old.acknowledge(old.land())
  old.readAll()
  assert.deepEqual([old.answered.length, old.rejected.length, old.replica.phase], [0, 2, 'standby'])
  assert.equal(old.replica.queued, 0)
})

for (const landed of [true, false])
  test(`a read that rides with an append in doubt is answered with it, which ${landed ? 'landed' : 'is appended again'}`, () => {
    const stage = new Stage()
    const writer = leased(stage)
    writer.ask('increment')
    writer.flush()
    writer.ask('read')
    if (landed) writer.land()
    writer.timeOut()
    assert.deepEqual(writer.answered, [])
    writer.settle()
    assert.deepEqual(writer.answered, [2, 2])
  })

test('while an append is in doubt a read goes by a barrier, lease or not', () => {
  const writer = leased()
  writer.ask('increment')
  writer.flush()
  writer.timeOut()
  assert.equal(writer.replica.phase, 'settling')
  writer.ask('read')
  assert.deepEqual(writer.answered, [])
  writer.acknowledge(writer.land()) // the claim
  assert.deepEqual(writer.answered, [], 'with the commit that follows it')
  writer.settle()
  assert.deepEqual(writer.answered, [2, 2])
})

test('a lease counts again when the append is settled: the reign is the same', () => {
  const writer = leased()
  writer.ask('increment')
  writer.flush()
  writer.timeOut()
  writer.settle()
  writer.outcomes.length = 0
  writer.ask('read')
  assert.deepEqual([writer.answered, writer.replica.reign], [[2], [1, 1]])
})

test('a lease for a reign whose claim is under way does not count: others may lead before it is valid', () => {
  const stage = new Stage()
  const old = stage.leader('old', 1)
  const between = stage.leader('new', 2)
  between.ask('increment')
  between.settle()
  old.lead(3)
  old.leased(3, 1_000)
  assert.equal(old.replica.phase, 'settling')
  old.ask('read')
  assert.deepEqual(old.answered, [], 'it has not read what was acknowledged in between')
})

test('a lease of a reign that is to come does not count for the one before, which may be over', () => {
  const stage = new Stage()
  const old = stage.leader('old', 1)
  const between = stage.leader('new', 2)
  between.ask('increment')
  between.settle()
  old.leased(3, 1_000)
  old.ask('read')
  assert.deepEqual(old.answered, [])
})

test('a lease that has run out sends a read by a barrier, which a successor makes void', () => {
  const stage = new Stage()
  const old = leased(stage)
  old.nowMs = 1_000
  const successor = stage.leader('new', 2)
  successor.ask('increment')
  successor.settle()
  old.ask('read')
  old.flush()
  old.acknowledge(old.land())
  old.readAll()
  assert.deepEqual([old.answered, old.rejected.length], [[], 1])
})

test('what changed nothing is a read, whatever it was meant to be', () => {
  const writer = leased()
  writer.run(() => 7)
  assert.deepEqual(writer.answered, [7])
  assert.equal(writer.appends.length, 0)
})
