/**
 * The least that reading a snapshot and its tail through kafkajs can take: one consumer, which joins its group once, gets the same bytes and
 * does nothing with them. Arguments: brokers, journal topic, and the {@link Prepared} as JSON.
 */
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import kafkajs from 'kafkajs'
import { type Go, measure } from './measured.ts'
import type { Prepared } from './prepare-process.ts'

/** What it was given. */
export interface Seen {
  chunks: number
  commits: number
  commitBytes: number
}

/** As the checkpoint has them: larger fetches hold the event loop longer, smaller ones cost more. */
const fetchBytesMax = 8 * 1024 * 1024
const [brokers, topic, text] = process.argv.slice(2) as [string, string, string]
const { chunks, tailStart } = JSON.parse(text) as Prepared
const snapshots = `${topic}.snapshots`
const chunkPartition = 1
const firstChunk = Math.min(...chunks)
const lastChunk = Math.max(...chunks)

const kafka = new kafkajs.Kafka({
  clientId: 'bench-bare',
  brokers: brokers.split(','),
  // As the checkpoint has it: kafkajs leaves Nagle's algorithm on, and would look slower than it is.
  socketFactory: ({ host, port, onConnect }) => connect({ host, port, noDelay: true }, onConnect),
  logLevel: kafkajs.logLevel.ERROR,
})

/** Resolves when every chunk and the last record of the tail were delivered. */
async function read({ journalEnd }: Go): Promise<Seen> {
  const consumer = kafka.consumer({
    groupId: `bench-bare-${randomUUID()}`,
    allowAutoTopicCreation: false,
    readUncommitted: true,
    maxWaitTimeInMs: 1_000,
    maxBytes: fetchBytesMax,
    maxBytesPerPartition: fetchBytesMax,
  })
  const finished = Promise.withResolvers<void>()
  const seen = { chunks: 0, commits: 0, commitBytes: 0 }
  const open = new Set(['chunks', 'tail'])
  const done = (what: string) => {
    open.delete(what)
    if (open.size === 0) finished.resolve()
  }
  consumer.on(consumer.events.CRASH, ({ payload }) => finished.reject(payload.error))
  await consumer.connect()
  await consumer.subscribe({ topics: [snapshots, topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, isStale }) => {
      if (isStale()) return
      for (const { offset, value } of batch.messages) {
        const at = Number(offset)
        if (batch.topic === topic && at >= tailStart && at < journalEnd) {
          seen.commits++
          seen.commitBytes += value?.length ?? 0
          if (at === journalEnd - 1) done('tail')
        } else if (batch.topic === snapshots && batch.partition === chunkPartition && at <= lastChunk) {
          seen.chunks++
          if (at === lastChunk) done('chunks')
        }
      }
    },
  })
  consumer.seek({ topic, partition: 0, offset: `${tailStart}` })
  consumer.seek({ topic: snapshots, partition: chunkPartition, offset: `${firstChunk}` })
  await finished.promise
  void consumer.disconnect()
  return seen
}

process.on('disconnect', () => process.exit())
process.on('message', async (go: Go) => {
  let seen: Seen | undefined
  const measured = await measure(async () => {
    seen = await read(go)
  })
  process.send?.({ ...measured, ...seen })
})
process.send?.('ready')
