/** The loads of the Lua scripts beside it, without wrk. Arguments: port, connections, seconds, which, its argument. Prints what wrk's scripts print. */
import { Client, type Dispatcher } from 'undici'
import { percentile } from '../statistics.ts'

const [port, connections, seconds] = process.argv.slice(2, 5).map(Number) as [number, number, number]
const [kind, text] = process.argv.slice(5) as ['bookings' | 'reads', string]
const headers = { 'content-type': 'application/json' }
const latenciesUs: number[] = []
let failed = 0
let seat = 0

const startMs = performance.now()
const endMs = startMs + seconds * 1_000

function next(): Dispatcher.RequestOptions {
  if (kind === 'reads') return { method: 'GET', path: text }
  const body = JSON.stringify({ seat: `${text}-${String(++seat).padStart(7, '0')}`, user: 'benchmark' })
  return { method: 'POST', path: '/bookings', headers, body }
}

async function connection(): Promise<void> {
  const client = new Client(`http://127.0.0.1:${port}`)
  while (performance.now() < endMs) {
    const sentMs = performance.now()
    try {
      const response = await client.request(next())
      await response.body.dump()
      if (response.statusCode < 200 || response.statusCode > 299) failed++
    } catch {
      failed++ // counted, and the run fails by it
    }
    latenciesUs.push((performance.now() - sentMs) * 1_000)
  }
  await client.close()
}

await Promise.all(Array.from({ length: connections }, connection))
const durationUs = (performance.now() - startMs) * 1_000
const [p50Us, p99Us] = [0.5, 0.99].map((share) => percentile(latenciesUs, share))
process.stdout.write(`${JSON.stringify({ requests: latenciesUs.length, durationUs, p50Us, p99Us, failed })}\n`)
