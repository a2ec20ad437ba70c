import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { failOverdue, type Pending, PromisedAnswer, pending, Untold } from './answering.ts'
import { CheckpointError } from './errors.ts'
import type { Outcome, Submission } from './submission.ts'

const log = pino({ level: 'silent' })
const ran = (result: number): Submission<number> => ({
  encoded: null,
  undo: null,
  outcome: { kind: 'ran', result, responseText: `${result}` },
})

const held = { bytes: 0 }

/** Tickets of callers who note in `seen` what they are told. */
function group(
  seen: string[],
  results: readonly number[],
  then: (result: number) => void = () => undefined,
): Pending[] {
  return results.map((result) => pending(ran(result), { told: (outcome) => note(seen, outcome, then) }, result, held))
}

function note(seen: string[], outcome: Outcome<number>, then: (result: number) => void): void {
  seen.push(outcome.kind === 'ran' ? `${outcome.result}` : (outcome as { error: CheckpointError }).error.code)
  if (outcome.kind === 'ran') then(outcome.result)
}

test('callers are told in log order, across groups, and so many at a time', () => {
  const seen: string[] = []
  const untold = new Untold(log)
  untold.add(group(seen, [1, 2, 3]))
  untold.add([])
  untold.add(group(seen, [4, 5]))
  untold.tell(2)
  assert.deepEqual(seen, ['1', '2'])
  untold.tell(2)
  assert.deepEqual([seen.length, untold.size], [4, 1])
  untold.tell(2)
  assert.deepEqual([seen, untold.size], [['1', '2', '3', '4', '5'], 0])
})

test('a caller that makes others be told upon its answer changes nothing: each is told once, in order', () => {
  const seen: string[] = []
  const untold = new Untold(log)
  untold.add(group(seen, [1, 2, 3], (result) => result === 2 && untold.tell(1)))
  untold.add(group(seen, [4, 5]))
  untold.tell(10)
  assert.deepEqual(seen.toSorted(), ['1', '2', '3', '4', '5'])
})

test('a caller that fails on its answer costs the next nothing', () => {
  const seen: string[] = []
  const untold = new Untold(log)
  untold.add(
    group(seen, [1, 2], (result) => {
      if (result === 1) throw new Error('the caller failed')
    }),
  )
  untold.tell(10)
  assert.deepEqual(seen, ['1', '2'])
})

test('who waited too long is told that once, and not again when the answer comes', () => {
  const seen: string[] = []
  const tickets = group(seen, [1, 2, 3])
  failOverdue(tickets, 10, 12, log)
  const untold = new Untold(log)
  untold.add(tickets)
  untold.tell(10)
  assert.deepEqual(seen, ['READ_UNPROVEN', 'READ_UNPROVEN', '3'])
})

test('of what changed nothing the outcome is known; of a transaction, and of one that was recorded before, it is not', () => {
  const seen: string[] = []
  const encoded = { start: 0, end: 1 } as unknown as Submission<number>['encoded']
  const recorded = { kind: 'recorded', responseText: '2', byKey: false } as const
  const told = { told: (outcome: Outcome<number>) => note(seen, outcome, () => undefined) }
  const tickets = [ran(1), { ...ran(1), encoded }, { ...ran(2), outcome: recorded }]
  failOverdue(
    tickets.map((ticket) => pending(ticket, told, 0, held)),
    10,
    12,
    log,
  )
  assert.deepEqual(seen, ['READ_UNPROVEN', 'OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN'])
})

test('a promise is settled by what its transaction came to', async () => {
  const promised = () => {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    return { promise, answer: new PromisedAnswer(resolve, reject) }
  }
  const [good, bad] = [promised(), promised()]
  good.answer.told({ kind: 'ran', result: 7, responseText: '7' })
  bad.answer.told({ kind: 'failed', error: new CheckpointError('STOPPED', 'stopped') })
  assert.equal(await good.promise, 7)
  await assert.rejects(bad.promise, { code: 'STOPPED' })
})
