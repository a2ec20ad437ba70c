import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { KafkaClient } from './kafka-client.ts'

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
