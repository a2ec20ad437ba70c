/** A-5: consistent hashing: the keys that move when a backend leaves, and the load with and without a bound. */

import { percentile } from '../statistics.ts'
import { keyMoves } from './key-moves.ts'
import { backendsNamed, type PartContext, withService } from './part.ts'
import type { BoundResult, MoveResult } from './results.ts'
import { loadRatios, mean } from './statistics.ts'
import { mustBeClean, ownersOf, send } from './traffic.ts'

const strategy = 'consistent-hash'
const left = 'b2'

/** As many keys as requests are asked for, before and after one of N is killed. */
export async function moves(context: PartContext): Promise<MoveResult[]> {
  const { options, signal } = context
  const results: MoveResult[] = []
  for (let count = 2; count <= options.backendsMax; count++) {
    context.say(`A-5 ${options.requests} keys on ${count} backends, before and after one is killed`)
    // Without a bound: what is asked for is where a key is at home.
    const spec = { strategy, backends: backendsNamed(count), hashBound: 0 }
    const found = await withService(spec, context, async (service) => {
      const before = await ownersOf(service.url, options.requests, signal)
      service.kill(left)
      return keyMoves(before, await ownersOf(service.url, options.requests, signal), left)
    })
    results.push({ backends: count, ...found })
  }
  return results
}

const bounds = [0, 2, 1.25]
const boundBackends = 4
/** Long, so that many are under way at once and a bound has something to bound, milliseconds. */
const boundDelayMs = [50, 150] as const
/** The most popular key gets about a quarter of all requests. */
const popularKeys = { count: 1_000, skew: 1.2 }
/** Ratios of fewer under way are those of small numbers. */
const leastMean = 5
/** Backends are compared by what they had at about the same time, milliseconds. */
const intervalMs = 20

export async function boundedLoads(context: PartContext): Promise<BoundResult[]> {
  const results: BoundResult[] = []
  for (const bound of bounds) {
    context.say(`A-5 keys of different popularity, ${bound === 0 ? 'without a bound' : `bound ${bound}`}`)
    const spec = { strategy, backends: backendsNamed(boundBackends, boundDelayMs), hashBound: bound }
    const result = await withService(spec, context, async (service) => {
      const report = mustBeClean(await send(service.url, context.options, popularKeys, context.signal))
      const counts = spec.backends.map(({ name }) => report.backends[name] ?? 0)
      const samples = [...(await service.inFlight()).values()]
      const ratios = loadRatios(samples, { intervalMs, leastMean })
      const at = (share: number) => (ratios.length === 0 ? 0 : percentile(ratios, share))
      const requestsOverMean = Math.max(...counts) / mean(counts)
      return { bound, requestsOverMean, inFlightOverMean: { p50: at(0.5), p99: at(0.99) } }
    })
    results.push(result)
  }
  return results
}
