/** Holds what its argument says in a checkpoint that leads, and prints what memory it has then. Run with `--expose-gc`. */
import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { createCheckpoint, createMemoryLog, memoryJournal } from '../../checkpoint/index.ts'
import type { Held, Holding } from './holding.ts'

const { keys, sessions, answersEach, clientKeys } = JSON.parse(process.argv[2] ?? '{}') as Holding

const journal = createMemoryLog()
const limits = { sessionsMax: 100_000, keysMax: 1_000_000 }
const checkpoint = createCheckpoint({ journal: memoryJournal(journal), limits })
/** What is measured is the state: the journal, which a leader does not read, forgets what it has. */
const forgetJournal = () => journal.records.fill(new Uint8Array())
await checkpoint.start()
checkpoint.lead()
assert(await checkpoint.whenLeading(5_000))
const map = checkpoint.map<{ text: string }>('registers')
const text = 'x'.repeat(75)
const answer = `{"status":201,"body":{"text":"${'y'.repeat(70)}"}}`

const perTransaction = 1_000
let dataBytes = 0
for (let first = 0; first < keys; first += perTransaction) {
  await checkpoint.transact(() => {
    for (let index = first; index < Math.min(keys, first + perTransaction); index++) {
      const key = `key-${String(index).padStart(9, '0')}`
      map.set(key, { text })
      dataBytes += key.length + text.length + 11
    }
  })
  forgetJournal()
}
const submit = (identity: Parameters<typeof checkpoint.submit>[2]) =>
  new Promise<void>((resolve, reject) =>
    checkpoint.submit(
      () => answer,
      (made) => ` ${made}`.slice(1), // a text of its own, as a route makes it
      identity,
      (outcome) => (outcome.kind === 'ran' ? resolve() : reject(outcome.kind)),
    ),
  )
await inGroups(sessions, async () => {
  const session = await checkpoint.openSession()
  for (let number = 1; number <= answersEach; number++) await submit({ request: [session, number, 1] })
  dataBytes += answer.length * answersEach
})
await inGroups(clientKeys, async (index) => {
  const key = `${'s'.repeat(22)}:order-${String(index).padStart(12, '0')}`
  const fingerprint = String(index).padStart(22, 'f')
  await submit({ key, fingerprint })
  dataBytes += key.length + fingerprint.length + answer.length
})

for (let round = 0; round < 3; round++) {
  await new Promise((resolve) => setTimeout(resolve, 50))
  globalThis.gc?.()
}
const { rss, heapUsed, external } = process.memoryUsage()
const hugeKiB = Number(/^AnonHugePages:\s+(\d+) kB/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1] ?? 0)
const held: Held = { rss, heapUsed, external, dataBytes, hugeBytes: hugeKiB * 1024 }
process.stdout.write(`${JSON.stringify(held)}\n`, () => process.exit())

async function inGroups(count: number, work: (index: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < count; first += perTransaction) {
    const size = Math.min(perTransaction, count - first)
    await Promise.all(Array.from({ length: size }, (_, index) => work(first + index)))
    forgetJournal()
  }
}
