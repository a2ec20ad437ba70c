/**
 * A process that leads a journal and runs transactions of one small value, told by messages. Arguments: brokers, topic, `lead` or `follow`.
 * As `follow` it only reads, so that what was acknowledged can be compared with what is there.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { createCheckpoint, kafkaJournal } from '../../checkpoint/index.ts'

/** What the benchmark asks. */
export type Order =
  | { type: 'flood'; outstanding: number; warmUpMs: number; durationMs: number; valueBytes: number }
  | { type: 'lone'; warmUp: number; count: number; valueBytes: number }
  | { type: 'digest' }
/** What it is answered. */
export type Done =
  | { type: 'ready' }
  | { type: 'flooded'; transactions: number; durationMs: number; cpuMs: number }
  | { type: 'lone'; latenciesMs: number[] }
  | { type: 'digest'; digest: string; keys: number }

const [brokers, topic, role] = process.argv.slice(2) as [string, string, 'lead' | 'follow']
/** Values are overwritten in turn: the state stays bounded, the journal grows. */
const keysMax = 100_000
const log = pino({ level: 'warn' })
const journal = kafkaJournal({ brokers: brokers.split(','), topic, clientId: 'bench', log })
const checkpoint = createCheckpoint({ journal, incarnation: randomUUID(), node: `bench-${role}`, log })
const values = checkpoint.map<string>('values')
const texts = Array.from({ length: 1_024 }, () => randomBytes(512).toString('hex'))
let started = 0

function transact(valueBytes: number): Promise<unknown> {
  const turn = started++
  const key = `key-${turn % keysMax}`
  const value = texts[turn % texts.length]!.slice(0, valueBytes)
  return checkpoint.transact(() => values.set(key, value))
}

async function flood(order: Extract<Order, { type: 'flood' }>): Promise<Done> {
  const { outstanding, warmUpMs, durationMs, valueBytes } = order
  let done = 0
  let ending = false
  const worker = async () => {
    while (!ending) {
      await transact(valueBytes)
      done++
    }
  }
  const workers = Array.from({ length: outstanding }, worker)
  // A failure ends the measurement at once, not at its end.
  const failed = Promise.all(workers)
  await Promise.race([sleep(warmUpMs), failed])
  const [doneBefore, startMs, cpuBefore] = [done, performance.now(), process.cpuUsage()]
  await Promise.race([sleep(durationMs), failed])
  const result = { transactions: done - doneBefore, durationMs: performance.now() - startMs }
  const { user, system } = process.cpuUsage(cpuBefore)
  ending = true
  await failed
  return { type: 'flooded', ...result, cpuMs: (user + system) / 1_000 }
}

async function lone({ warmUp, count, valueBytes }: Extract<Order, { type: 'lone' }>): Promise<Done> {
  for (let turn = 0; turn < warmUp; turn++) await transact(valueBytes)
  const latenciesMs: number[] = []
  for (let turn = 0; turn < count; turn++) {
    const startMs = performance.now()
    await transact(valueBytes)
    latenciesMs.push(performance.now() - startMs)
  }
  return { type: 'lone', latenciesMs }
}

function digest(): Done {
  const text = JSON.stringify(checkpoint.snapshot())
  const keys = checkpoint.stale(() => values.size)
  return { type: 'digest', digest: createHash('sha256').update(text).digest('hex'), keys }
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}

async function obey(order: Order): Promise<void> {
  const done = order.type === 'flood' ? await flood(order) : order.type === 'lone' ? await lone(order) : digest()
  process.send?.(done)
}

process.on('disconnect', () => process.exit())
process.on('message', (order: Order) => void obey(order))
await checkpoint.start()
if (role === 'lead') {
  checkpoint.lead(checkpoint.status().journalReign[0] + 1)
  if (!(await checkpoint.whenLeading(10_000))) throw new Error('the checkpoint does not lead')
}
process.send?.({ type: 'ready' } satisfies Done)
