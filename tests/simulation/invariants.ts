/**
 * What must hold of a journal, by a second, dumb implementation of the fold: the design's rule as it is written down, upon plain objects, with
 * nothing of the production's fold, store or memory.
 */
import { compareReigns, decodeEntry, describeEntry, type Reign } from '../../checkpoint/record.ts'

interface Described {
  readonly request?: readonly [session: string, number: number, lowestWaiting: number]
  readonly key?: string
  readonly changes?: readonly (readonly [map: string, key: string, value?: unknown])[]
}

/** Maps of a state: name, then key, then value. */
export type PlainState = ReadonlyMap<string, ReadonlyMap<string, string>>

/** Checks a whole journal; what is wrong, or the states that it has at each offset. */
export function checkJournal(records: readonly Uint8Array[]): string | ((offset: number) => PlainState) {
  let reign: Reign = [0, 0]
  let claimant = ''
  const requests = new Map<string, number>()
  const keys = new Map<string, number>()
  const changesAt: (readonly (readonly [string, string, unknown?])[])[] = []
  for (const [offset, value] of records.entries()) {
    const entry = decodeEntry(value, offset)
    changesAt.push([])
    if (entry.type === 'claim') {
      if (compareReigns(entry.reign, reign) <= 0) continue
      reign = entry.reign
      claimant = entry.incarnation
      continue
    }
    if (compareReigns(entry.reign, reign) !== 0 || entry.incarnation !== claimant || claimant === '') continue
    const { transactions } = describeEntry(entry) as unknown as { transactions: Described[] }
    for (const { request, key, changes = [] } of transactions) {
      const twice = request && noteOnce(requests, `${request[0]} ${request[1]}`, offset)
      if (twice !== undefined) return `the request ${request} was applied at offset ${twice} and again at ${offset}`
      const keyTwice = key === undefined ? undefined : noteOnce(keys, key, offset)
      if (keyTwice !== undefined) return `the key ${key} was applied at offset ${keyTwice} and again at ${offset}`
      changesAt[offset] = [...changesAt[offset]!, ...changes]
    }
  }
  return (end) => {
    const state = new Map<string, Map<string, string>>()
    for (const changes of changesAt.slice(0, end))
      for (const [map, key, ...values] of changes) {
        if (!state.has(map)) state.set(map, new Map())
        if (values.length === 0) state.get(map)!.delete(key)
        else state.get(map)!.set(key, JSON.stringify(values[0]))
      }
    return state
  }
}

/** Compares what a replica holds with what the journal says at its offset. */
export function checkReplica(snapshot: unknown, expected: PlainState): string | null {
  const { maps } = snapshot as { maps: [string, [string, unknown][]][] }
  const held = JSON.stringify(
    maps.map(([name, entries]) => [name, sorted(entries.map(([key, value]) => [key, JSON.stringify(value)]))]),
  )
  const said = [...expected]
    .filter(([, entries]) => entries.size > 0)
    .map(([name, entries]) => [name, sorted([...entries])] as const)
  const wanted = JSON.stringify(said.sort(([left], [right]) => (left < right ? -1 : 1)))
  return held === wanted ? null : `it holds ${held}, and the journal says ${wanted}`
}

function sorted(entries: readonly (readonly [string, string])[] | [string, string][]): unknown[] {
  return [...entries].sort(([left], [right]) => (left < right ? -1 : 1))
}

function noteOnce(seen: Map<string, number>, what: string, offset: number): number | undefined {
  const before = seen.get(what)
  seen.set(what, before ?? offset)
  return before
}
