import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultLimits } from './checkpoint.ts'
import { CheckpointError } from './errors.ts'
import { type Commit, decodeEntry, type Encoded, encodeCommit, recordVersion, type Transaction } from './record.ts'
import { Store } from './store.ts'
import { submission } from './submission.ts'

const ignore = () => undefined
const code = (wanted: string) => (error: unknown) => error instanceof CheckpointError && error.code === wanted

function storeWith(values: Record<string, unknown>): Store {
  const store = new Store(defaultLimits)
  store.run(() => {
    for (const key in values) store.set('m', key, values[key])
  }, ignore)
  return store
}

test('a throw takes every change back, newest first', () => {
  const store = storeWith({ a: 1, b: 2 })
  const before = store.snapshot()
  const failing = () => {
    store.set('m', 'a', 10)
    store.set('m', 'a', 11)
    store.delete('m', 'b')
    store.set('m', 'c', 3)
    throw new Error('no')
  }
  assert.throws(() => store.run(failing, ignore), /no/)
  assert.deepEqual(store.snapshot(), before)
})

test('what a map holds is what the journal holds: values are decoded, frozen, and cut off from their origin', () => {
  const origin = { when: new Date(0), nothing: undefined, odd: Number.NaN, deep: { list: [1] } }
  const store = storeWith({ a: origin, n: -0 })
  origin.deep.list.push(2)
  const held = store.view(() => store.get('m', 'a')) as { deep: { list: number[] } }
  assert.deepEqual(held, { when: '1970-01-01T00:00:00.000Z', odd: null, deep: { list: [1] } })
  assert.throws(() => held.deep.list.push(3), TypeError)
  assert.ok(
    Object.is(
      store.view(() => store.get('m', 'n')),
      0,
    ),
  )
})

test('what JSON cannot hold is refused, and nothing changes', () => {
  const circular: Record<string, unknown> = {}
  circular.self = circular
  for (const value of [undefined, () => 1, Symbol('s'), 1n, circular]) {
    const store = storeWith({ a: 1 })
    assert.throws(() => store.run(() => store.set('m', 'a', value), ignore), code('NOT_SERIALISABLE'))
    assert.equal(
      store.view(() => store.get('m', 'a')),
      1,
    )
  }
})

test('outside a transaction nothing is read or changed, and a transaction is synchronous and not nested', () => {
  const store = storeWith({ a: 1 })
  assert.throws(() => store.get('m', 'a'), code('OUTSIDE_TRANSACTION'))
  assert.throws(() => store.set('m', 'a', 2), code('OUTSIDE_TRANSACTION'))
  assert.throws(() => store.view(() => store.set('m', 'a', 2)), code('OUTSIDE_TRANSACTION'))
  assert.throws(() => store.run(async () => store.set('m', 'a', 2), ignore), code('OUTSIDE_TRANSACTION'))
  assert.throws(() => store.run(() => store.run(ignore, ignore), ignore), code('OUTSIDE_TRANSACTION'))
  assert.equal(
    store.view(() => store.get('m', 'a')),
    1,
  )
})

const key = fc.constantFrom('a', 'b', 'c', '__proto__', '')
const write = fc.record({ key, value: fc.option(fc.jsonValue(), { nil: undefined }) })
const work = fc.array(write, { maxLength: 5 })

test('a standby that applies the journaled changes has the state of the writer', () => {
  fc.assert(
    fc.property(fc.array(work, { maxLength: 12 }), (transactions) => {
      const [writer, standby] = [new Store(defaultLimits), new Store(defaultLimits)]
      transactions.forEach((writes, number) => {
        const made = submission(writer, defaultLimits, () => perform(writer, writes), String, {
          key: `k${number}`,
          fingerprint: 'f',
        })
        writer.settle(made.undo!, number)
        standby.apply(journaled(made.encoded!), number)
      })
      assert.deepEqual(standby.snapshot(), writer.snapshot())
    }),
  )
})

test('undoing transactions in reverse order leads back to any point', () => {
  fc.assert(
    fc.property(fc.array(work, { maxLength: 12 }), (transactions) => {
      const store = new Store(defaultLimits)
      const points = transactions.map((writes, number) => {
        const before = store.snapshot()
        return {
          before,
          undo: submission(store, defaultLimits, () => perform(store, writes), String, { key: `k${number}` }).undo!,
        }
      })
      for (const { before, undo } of points.reverse()) {
        store.undo(undo)
        assert.deepEqual(store.snapshot(), before)
      }
    }),
  )
})

test('an answer that changes a map while it is encoded fails, and changes nothing', () => {
  for (const writes of [[], [{ key: 'b', value: 2 }]]) {
    const store = storeWith({ a: 1 })
    const before = store.snapshot()
    const answer = { toJSON: () => store.set('m', 'a', 2) ?? 'text' }
    const work = () => {
      perform(store, writes)
      return answer
    }
    const { outcome, undo } = submission(store, defaultLimits, work, JSON.stringify)
    assert.ok(outcome.kind === 'failed' && code('OUTSIDE_TRANSACTION')(outcome.error))
    assert.equal(undo, null)
    assert.deepEqual(store.snapshot(), before)
  }
})

test('a transaction too large is refused before anything is applied', () => {
  const store = storeWith({ a: 1 })
  const before = store.snapshot()
  const limits = { transactionBytesMax: 100, responseBytesMax: 50 }
  const large = submission(
    store,
    limits,
    () => store.set('m', 'a', 'x'.repeat(200)),
    () => 'null',
  )
  assert.ok(large.outcome.kind === 'failed' && code('TOO_LARGE')(large.outcome.error))
  const talkative = submission(
    store,
    { ...limits, transactionBytesMax: 1_000 },
    () => store.set('m', 'a', 2),
    () => `"${'é'.repeat(30)}"`,
    { key: 'k' },
  )
  assert.ok(
    talkative.outcome.kind === 'failed' && code('TOO_LARGE')(talkative.outcome.error),
    'bytes count, not characters',
  )
  assert.deepEqual(store.snapshot(), before)
})

function perform(store: Store, writes: readonly { key: string; value: unknown }[]): number {
  for (const { key, value } of writes) {
    if (value === undefined) store.delete('m', key)
    else store.set('m', key, value)
  }
  return writes.length
}

/** A transaction as a standby reads it. */
function journaled(encoded: Encoded): Transaction {
  const head = { type: 'commit', version: recordVersion, reign: [1, 0], at: 0 } as const
  const commit = encodeCommit({ ...head, incarnation: 'i', digest: '0'.repeat(32) }, [encoded])
  return (decodeEntry(commit, 0) as Commit).transactions[0]!
}

test('a change is a set or a delete', () => {
  const writer = storeWith({ a: 0 })
  const work = () => {
    writer.set('m', 'a', 1)
    writer.set('m', 'b', null)
    writer.delete('m', 'a')
  }
  const made = submission(writer, defaultLimits, work, () => 'null')
  const standby = storeWith({ a: 5 })
  standby.apply(journaled(made.encoded!), 0)
  assert.deepEqual(entriesOf(standby), [['b', null]])
})

function entriesOf(store: Store): unknown[] {
  return store.view(() => [...store.keysOf('m')].map((key) => [key, store.get('m', key)]))
}

test('a transaction that grows beyond the limit is stopped while it runs, not when it has eaten the memory', () => {
  const store = new Store({ ...defaultLimits, transactionBytesMax: 1_000 })
  let sets = 0
  const greedy = () => {
    for (; sets < 1_000; sets++) store.set('m', `${sets}`, 'x'.repeat(100))
  }
  assert.throws(() => store.run(greedy, ignore), code('TOO_LARGE'))
  assert.ok(sets < 10, `${sets} values were taken`)
  assert.deepEqual(entriesOf(store), [])
})

test('a map may be emptied while it is walked', () => {
  const store = storeWith(Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`k${index}`, index])))
  store.run(() => {
    for (const key of store.keysOf('m')) assert.ok(store.delete('m', key))
  }, ignore)
  assert.deepEqual(entriesOf(store), [])
})

test('a walk that goes on in a later transaction meets each key once, although memory was used anew between', () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `key-${10_000 + index}`)
  const store = storeWith(Object.fromEntries(names.map((name) => [name, 1])))
  const perform = (work: () => unknown) => store.settle(submission(store, defaultLimits, work, String).undo!, 0)
  const keys = store.view(() => store.keysOf('m'))
  const first = store.view(() => keys.next().value as string)
  for (const name of names) perform(() => store.delete('m', name))
  for (const name of [...names.slice(777), ...names.slice(0, 777)]) perform(() => store.set('m', name, 1))
  assert.deepEqual(store.view(() => [first, ...keys]).sort(), names)
})

test('what a generator is walked for after its transaction is refused', () => {
  const store = storeWith({ a: 1, b: 2 })
  const keys = store.view(() => store.keysOf('m'))
  assert.throws(() => keys.next(), code('OUTSIDE_TRANSACTION'))
})

test('an answer that is no text fails its transaction, and changes nothing', () => {
  const store = storeWith({ a: 1 })
  const before = store.snapshot()
  const work = () => void store.set('m', 'a', 2)
  const { outcome, undo } = submission(store, defaultLimits, work, JSON.stringify)
  assert.ok(outcome.kind === 'failed' && code('NOT_SERIALISABLE')(outcome.error))
  assert.equal(undo, null)
  assert.deepEqual(store.snapshot(), before)
})
