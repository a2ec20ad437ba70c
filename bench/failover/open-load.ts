/**
 * The clients of a peer: an open loop, half POST, each POST with an id of its own. It uses the test client's own loop and connections, so
 * that a pause means the same here and there. Arguments: URL, requests per second, connections. Runs until told to stop.
 */
import { unixNowMs } from '../../compose/load/clock.ts'
import { Connection } from '../../compose/load/connection.ts'
import { OpenLoop } from '../../compose/load/open-loop.ts'
import { seededRandom } from '../../compose/load/random.ts'

/** What the load has seen: good answers' times (Unix milliseconds, ascending), failures by code, and the ids of all POSTs sent. */
export interface OpenLoadResult {
  answersMs: number[]
  errors: Record<string, number>
  requests: number
}

const timeoutMs = 30_000
const [url, rate, clients] = [process.argv[2]!, ...process.argv.slice(3, 5).map(Number)] as [string, number, number]
const connections = Array.from({ length: clients }, () => new Connection(url, timeoutMs))
const loop = new OpenLoop({ ratePerSecond: rate, durationMs: Number.POSITIVE_INFINITY, clients }, unixNowMs())
const result: OpenLoadResult = { answersMs: [], errors: {}, requests: 0 }
// Drawn, not in turn: a proxy that takes two servers in turn would send all POSTs to one of them.
const random = seededRandom(1)
let inFlight = 0
let ending = false

async function perform(client: number): Promise<void> {
  const id = ++result.requests
  inFlight++
  const request =
    random() < 0.5
      ? ({ method: 'GET', path: '/', body: null } as const)
      : ({ method: 'POST', path: '/', body: JSON.stringify({ id }) } as const)
  const reply = await connections[client]!.send(request)
  inFlight--
  loop.release(client)
  if (reply.type === 'response' && reply.status === 200) result.answersMs.push(unixNowMs())
  else {
    const code = reply.type === 'failure' ? reply.code : String(reply.status)
    result.errors[code] = (result.errors[code] ?? 0) + 1
  }
}

function turn(): void {
  const nowMs = unixNowMs()
  for (let next = loop.take(nowMs); next; next = loop.take(nowMs)) void perform(next.client)
  if (ending && inFlight === 0 && loop.exhausted) {
    process.send?.(result)
    return
  }
  setTimeout(turn, 1)
}

process.on('disconnect', () => process.exit())
process.on('message', () => {
  ending = true
  loop.end(unixNowMs())
})
turn()
process.send?.('running')
