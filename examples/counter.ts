/**
 * A counter that survives `kill -9`: the checkpoint library alone, in one process, with the embedded journal. No Kafka, no HTTP.
 *
 *     node examples/counter.ts            # kill it as you like, and start it again
 *
 * State lives in named maps and is changed inside transactions. A transaction is over when it is durable: what was printed was kept.
 */
import { createCheckpoint, journalPorts } from 'heartline/checkpoint'

const directory = process.argv[2] ?? './counter-state'
const everyMs = 200

const checkpoint = createCheckpoint(journalPorts({ kafka: [`file:${directory}`], topic: 'counter' }))
const counters = checkpoint.map<number>('counters')

// The journal is read to its end: the counter is where it was.
await checkpoint.start()

// Nobody else decides here who leads, so this process does. One that ran before, and lives, is fenced: its writes count no more.
checkpoint.lead()
if (!(await checkpoint.whenLeading(10_000))) throw new Error('another process leads')
checkpoint.once('fenced', ({ node }) => {
  console.log(`another process on ${node} counts now`)
  process.exit(0)
})

/** Ordinary synchronous code: it sees all transactions before it, and if it throws nothing has happened. */
function increment(): number {
  const value = (counters.get('visits') ?? 0) + 1
  counters.set('visits', value)
  return value
}

for (;;) {
  const value = await checkpoint.transact(increment)
  console.log(value)
  await new Promise((resolve) => setTimeout(resolve, everyMs))
}
