/**
 * The least that an append through kafkajs can take: one producer, one record at a time, set up as checkpoint's own. Arguments: brokers, topic.
 */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import kafkajs from 'kafkajs'
import type { Done, Order } from './transactor.ts'

const [brokers, topic] = process.argv.slice(2) as [string, string]
const kafka = new kafkajs.Kafka({
  clientId: 'bench-bare',
  brokers: brokers.split(','),
  // As checkpoint has it: kafkajs leaves Nagle's algorithm on, and would look slower than it is.
  socketFactory: ({ host, port, onConnect }) => connect({ host, port, noDelay: true }, onConnect),
  retry: { retries: 0 },
  logLevel: kafkajs.logLevel.ERROR,
})
const producer = kafka.producer({ allowAutoTopicCreation: false, idempotent: false, retry: { retries: 0 } })

async function append(valueBytes: number): Promise<void> {
  const value = randomBytes(valueBytes)
  const [answer] = await producer.send({ topic, acks: -1, messages: [{ key: null, value, partition: 0 }] })
  if (Number(answer?.baseOffset ?? -1) < 0) throw new Error('the broker gave no offset')
}

async function lone({ warmUp, count, valueBytes }: Extract<Order, { type: 'lone' }>): Promise<Done> {
  for (let turn = 0; turn < warmUp; turn++) await append(valueBytes)
  const latenciesMs: number[] = []
  for (let turn = 0; turn < count; turn++) {
    const startMs = performance.now()
    await append(valueBytes)
    latenciesMs.push(performance.now() - startMs)
  }
  return { type: 'lone', latenciesMs }
}

process.on('disconnect', () => process.exit())
process.on('message', (order: Order) => {
  if (order.type === 'lone') void lone(order).then((done) => process.send?.(done))
})
await producer.connect()
process.send?.({ type: 'ready' } satisfies Done)
