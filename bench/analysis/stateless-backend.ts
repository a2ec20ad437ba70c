/**
 * A backend without state, as any service has them: `/home` answers at once, `/process` after a delay drawn from a seed. It notes how many
 * requests it has under way. Arguments: name, shortest and longest delay (milliseconds), seed. Ends when its parent does.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { unixNowMs } from '../../compose/load/clock.ts'
import { seededRandom } from '../../compose/load/random.ts'

/** Where it listens; then, for each question, how many requests it had under way when (Unix milliseconds). */
export type BackendSays = { port: number } | { samples: [atMs: number, inFlight: number][] }

const sampleIntervalMs = 10
/** Ten minutes. */
const samplesMax = 60_000

const [name, ...numbers] = process.argv.slice(2)
const [shortestMs, longestMs, seed] = numbers.map(Number) as [number, number, number]
const random = seededRandom(seed)
const samples: [atMs: number, inFlight: number][] = []
let inFlight = 0

const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  request.resume()
  const answer = () => void response.writeHead(200, { 'content-type': 'text/plain' }).end(`Hello from ${name}\n`)
  if (request.url !== '/process') return answer()
  inFlight++
  response.once('close', () => inFlight--)
  setTimeout(answer, shortestMs + random() * (longestMs - shortestMs))
})
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
setInterval(() => {
  if (samples.length < samplesMax) samples.push([unixNowMs(), inFlight])
}, sampleIntervalMs)
process.on('message', () => process.send?.({ samples }))
process.on('disconnect', () => process.exit())
