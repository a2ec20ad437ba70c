import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import pino from 'pino'
import { CheckpointError } from './errors.ts'
import { kafkaJournal } from './kafka-journal.ts'
import { journalTopic, snapshotTopic, type TopicFacts, type TopicKind, unsafeSettings } from './kafka-settings.ts'

const log = pino({ level: 'silent' })

for (const kind of [journalTopic, snapshotTopic] satisfies TopicKind[]) {
  test(`${kind.name}: each setting that could lose state is refused, by name`, () => {
    const safe = new Map<string, string>(kind.settings.map(({ name, value }) => [name, value]))
    safe.set('min.insync.replicas', '1').set('max.message.bytes', '1048588')
    const facts: TopicFacts = { brokers: 1, partitions: kind.partitions, replicas: 1, settings: safe }
    assert.deepEqual(unsafeSettings(facts, kind), [])
    for (const { name, ...rest } of kind.settings) {
      const [problem, ...more] = unsafeSettings({ ...facts, settings: new Map(safe).set(name, 'other') }, kind)
      const refused = problem?.startsWith(`${name} is other`) && more.length === 0
      assert.equal(refused ?? false, !('preferred' in rest), name)
    }
    assert.match(unsafeSettings({ ...facts, partitions: 3 }, kind).join(), /3 partitions/)
    assert.match(
      unsafeSettings({ ...facts, brokers: 3 }, kind).join(),
      /1 replicas and must have 3.*min\.insync\.replicas is 1 and must be 2/,
    )
    const small = { ...facts, settings: new Map(safe).set('max.message.bytes', '1000') }
    assert.match(unsafeSettings(small, kind).join(), /max\.message\.bytes/)
  })
}

test('a broker that accepts connections and never answers is an error within the deadline, each time on a fresh connection', async (t) => {
  const sockets = new Set<import('node:net').Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.resume())
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const journal = kafkaJournal({ brokers: [`127.0.0.1:${port}`], topic: 't', clientId: 'test', log })
  for (let attempt = 1; attempt <= 3; attempt++) {
    const connected = once(server, 'connection')
    await assert.rejects(
      journal.append(Uint8Array.of(1), 200),
      (error) => error instanceof CheckpointError && error.code === 'JOURNAL_UNREACHABLE',
    )
    await connected
  }
  await journal.close()
  await Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))))
})

test('a tail that has not joined its group yet is not sent to join it anew, unless from another offset', async (t) => {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.resume().on('error', () => undefined)
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const journal = kafkaJournal({ brokers: [`127.0.0.1:${port}`], topic: 't', clientId: 'test', log })
  const first = once(server, 'connection')
  const tail = await journal.tail(0, () => undefined)
  await first
  const second = once(server, 'connection')
  for (let again = 0; again < 3; again++) tail.seek(0)
  tail.seek(5)
  await second
  assert.equal(connections, 2)
  await tail.close()
  await journal.close()
})
