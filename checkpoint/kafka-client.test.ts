import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { KafkaClient } from './kafka-client.ts'
import { kafkaJournal } from './kafka-journal.ts'

/** Takes a connection, notes it, and ends it: a broker that can be reached and is of no use. */
async function broker(t: TestContext, asked: number[], id: number): Promise<string> {
  const server = createServer((socket: Socket) => {
    asked.push(id)
    socket.on('error', () => {}).destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `127.0.0.1:${(server.address() as { port: number }).port}`
}

test('a fresh client begins with any of the brokers: the first may be the one that died', async (t) => {
  const asked: number[] = []
  const brokers = await Promise.all([0, 1, 2].map((id) => broker(t, asked, id)))
  for (const chance of [0, 0.4, 0.99]) {
    const options = { brokers, clientId: 'test', log: pino({ level: 'silent' }), random: () => chance }
    const client = new KafkaClient(options, (kafka) => kafka.admin())
    await assert.rejects(client.client.connect())
    await client.part()
  }
  assert.deepEqual(asked, [0, 1, 2])
})

test('a client that replaces one begins at another broker, if there are several: that one may be out of touch', async (t) => {
  const asked: number[] = []
  const brokers = await Promise.all([0, 1].map((id) => broker(t, asked, id)))
  const options = { brokers, clientId: 'test', log: pino({ level: 'silent' }), random: () => 0.9 }
  const journal = kafkaJournal({ ...options, topic: 'journal' })
  t.after(() => journal.close())
  for (const afresh of [false, true, true]) await assert.rejects(journal.end(afresh))
  assert.deepEqual(asked, [1, 0, 1])
  const alone = new KafkaClient({ ...options, brokers: brokers.slice(0, 1) }, (kafka) => kafka.admin(), brokers[0])
  assert.equal(alone.askedFirst, brokers[0])
})
