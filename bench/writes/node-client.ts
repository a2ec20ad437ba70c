/** The load of `bookings.lua`, without wrk. Arguments: port, connections, seconds, prefix of the seats. Prints what wrk's script prints. */
import { Client } from 'undici'
import { percentile } from '../statistics.ts'

const [port, connections, seconds] = process.argv.slice(2, 5).map(Number) as [number, number, number]
const prefix = process.argv[5] ?? ''
const headers = { 'content-type': 'application/json' }
const latenciesUs: number[] = []
let failed = 0
let seat = 0

const startMs = performance.now()
const endMs = startMs + seconds * 1_000

async function connection(): Promise<void> {
  const client = new Client(`http://127.0.0.1:${port}`)
  while (performance.now() < endMs) {
    const sentMs = performance.now()
    const body = JSON.stringify({ seat: `${prefix}-${String(++seat).padStart(7, '0')}`, user: 'benchmark' })
    try {
      const response = await client.request({ method: 'POST', path: '/bookings', headers, body })
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
