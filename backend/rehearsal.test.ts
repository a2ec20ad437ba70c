import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { memoryJournal } from '../checkpoint/index.ts'
import { createBackend } from './backend.ts'
import { router, type ServiceCheckpoint } from './index.ts'

const log = pino({ level: 'silent' })

test('a rehearsal asks a copy of the service as a balancer does, and leaves no trace in the real one', async (t) => {
  const states: ServiceCheckpoint[] = []
  const values: number[] = []
  let copy: ServiceCheckpoint | undefined
  const service = ({ checkpoint }: { checkpoint: ServiceCheckpoint }) => {
    states.push(checkpoint)
    const counters = checkpoint.map<number>('counters')
    return router({
      'POST /counters/:name': checkpoint.route(({ params, body }) => {
        const value = (counters.get(params.name!) ?? 0) + (body as { by: number }).by
        counters.set(params.name!, value)
        values.push(value)
        return { status: 200, body: { value } }
      }),
    })
  }
  const backend = createBackend({
    ...{ port: 0, receivers: ['ws://127.0.0.1:1'], journal: memoryJournal(), log },
    rehearsal: {
      app: (given) => {
        copy = given.checkpoint
        return service(given)
      },
      requests: [{ method: 'POST', path: '/counters/c', body: { by: 2 } }],
    },
  })
  t.after(() => backend.close())
  await backend.start(service(backend))
  await new Promise<void>((resolve) => backend.checkpoint.once('phase', () => resolve())) // it joins when it is warm
  assert.equal(states.length, 2)
  assert.ok(values.length > 0, `it was asked ${values.length} times`)
  assert.deepEqual(
    values,
    values.map((_, index) => 2 * (index + 1)),
    'each request ran once',
  )
  assert.equal(copy!.phase, 'stopping', 'the copy is no more')
  assert.deepEqual(
    backend.checkpoint.stale(() => [...backend.checkpoint.map('counters').entries()]),
    [],
  )
})
