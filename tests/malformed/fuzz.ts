/** `node tests/malformed/fuzz.ts --requests 1000000 --seed 1`: prints the report; exit 1 if anything is out of order. */
import { parseArgs } from 'node:util'
import { faultsOf, runFuzz } from './fuzz-run.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    connections: { type: 'string', default: '64' },
  },
})
const numbers = Object.fromEntries(Object.entries(values).map(([name, text]) => [name, Number(text)]))
for (const [name, value] of Object.entries(numbers)) {
  if (Number.isInteger(value) && value > 0) continue
  process.stderr.write(`--${name}: expected a whole number above 0\n`)
  process.exit(2)
}
const { requests, seed, connections } = numbers as { requests: number; seed: number; connections: number }

const report = await runFuzz({
  requests,
  seed,
  connections,
  progress: (sent, { rssBytes, heapBytes, sockets }) => {
    const size = `${(rssBytes / 2 ** 20).toFixed(0)} MiB, heap ${(heapBytes / 2 ** 20).toFixed(1)} MiB`
    process.stderr.write(`\r${sent} of ${requests} requests, balancer ${size}, ${sockets} sockets   `)
  },
})
process.stderr.write('\n')
const rate = Math.round(report.requests / (report.tookMs / 1_000))
process.stdout.write(`${JSON.stringify({ ...report, requestsPerSecond: rate }, null, 2)}\n`)
const faults = faultsOf(report)
for (const fault of faults) process.stdout.write(`${fault}\n`)
process.exitCode = faults.length > 0 ? 1 : 0
