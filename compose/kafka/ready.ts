/** Whether a Kafka that takes connections also serves: all brokers known, and a group's coordinator answering. */
import kafkajs from 'kafkajs'
import type { Logger } from 'pino'
import { ComposeError } from '../errors.ts'

const attemptIntervalMs = 30
const { Kafka, logLevel } = kafkajs

/** Resolves once `count` brokers are known and a group coordinator answers (its topic is made by the first question). */
export async function untilServing(options: {
  brokers: string[]
  count: number
  deadlineMs: number
  log: Logger
  signal?: AbortSignal
}): Promise<void> {
  const { brokers, count, log, signal } = options
  const kafka = new Kafka({
    clientId: 'heartline-kafka',
    brokers,
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    retry: { initialRetryTime: attemptIntervalMs, multiplier: 1.5, maxRetryTime: 200, retries: 10 },
    logLevel: logLevel.ERROR,
    // A starting broker refuses much; what matters is said when the deadline is over.
    logCreator: () => (entry) => log.debug({ kafkajs: entry.namespace }, entry.log.message),
  })
  const admin = kafka.admin()
  const deadline = performance.now() + options.deadlineMs
  let last: Error | undefined
  try {
    while (performance.now() < deadline) {
      signal?.throwIfAborted()
      try {
        await admin.connect()
        const known = (await admin.describeCluster()).brokers.length
        if (known === count) {
          await admin.describeGroups(['heartline-kafka'])
          return
        }
        last = new Error(`${known} of ${count} brokers have joined`)
      } catch (error) {
        last = error as Error
      }
      await new Promise((resolve) => setTimeout(resolve, attemptIntervalMs))
    }
  } finally {
    await admin.disconnect().catch((error) => log.debug({ error: error.message }, 'kafkajs did not disconnect'))
  }
  const message = `Kafka did not serve within ${options.deadlineMs} ms: ${last?.message ?? 'no answer'}`
  throw new ComposeError('KAFKA_FAILED', message, last)
}
