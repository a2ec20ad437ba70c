import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { freePorts } from '../../compose/kafka/ports.ts'
import { type LogLine, Processes } from '../../compose/processes.ts'
import { needsKafka } from '../needs.ts'

const log = pino({ level: 'silent' })

test('any start order works, the worst too, and each process says what it waits for', needsKafka, async (t) => {
  const [kafka, receiver, balancer, admin, backend] = await freePorts('127.0.0.1', 5)
  const processes = new Processes({ log })
  t.after(() => processes.stopAll([['balancer'], ['backend'], ['receiver'], ['kafka']]))
  const lines: Record<string, LogLine[]> = { backend: [], balancer: [], receiver: [] }
  const start = (name: string, ...args: unknown[]) =>
    processes.start({ name, args: [name, ...args.map(String)], onLine: (line) => lines[name]?.push(line) })
  const receivers = ['--receivers', `ws://127.0.0.1:${receiver}`]
  const journal = ['--kafka', `127.0.0.1:${kafka}`]

  // Kafka starts as slowly as a busy machine lets it; how long requests are held is not what this is about.
  const holding = ['--hold-time', '60s']
  await start('balancer', '--port', balancer, '--admin-port', admin, ...holding, ...receivers)
  await start('backend', '--port', backend, '--name', 'only', ...receivers, ...journal)
  await start('receiver', '--port', receiver, ...journal)
  const held = fetch(`http://127.0.0.1:${balancer}/counters/c/increments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  await start('kafka', '--port', kafka)
  const answer = await held
  assert.deepEqual(
    [answer.status, await answer.json()],
    [200, { name: 'c', value: 1 }],
    'what came before anybody could serve it was held',
  )
  for (const name in lines) {
    assert.ok(
      lines[name]!.some((line) => /wait/i.test(String(line.msg))),
      `${name} says what it waits for: ${JSON.stringify(lines[name])}`,
    )
  }
})
