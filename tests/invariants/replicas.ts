/** Invariants 3 and 4: what every replica takes for the current reign and the state at its offset, held against the plain fold and each other. */
import type { Finding } from './finding.ts'
import type { PlainFold, PlainMaps } from './plain-fold.ts'

/** A replica at rest: a standby, or an active with nothing speculative. Its state is all of the valid history before `offset`. */
export interface ReplicaView {
  /** For people: whose replica it is. */
  readonly name: string
  readonly offset: number
  /** The reign that it takes for the current one at `offset`. */
  readonly reign: readonly [epoch: number, attempt: number]
  /** What `Checkpoint.snapshot()` returns. */
  readonly state: unknown
}

interface SnapshotState {
  readonly maps: readonly (readonly [name: string, entries: readonly (readonly [key: string, value: unknown])[]])[]
}

/** One reign at every offset, the same for all: at most one reign's commits are valid there. */
export function oneReign(views: readonly ReplicaView[], fold: PlainFold): Finding | null {
  for (const { name, offset, reign } of views) {
    const place = fold.places[offset]
    if (!place)
      return { invariant: 3, lines: [`${name} read up to offset ${offset}, and the journal ends at ${fold.end}`] }
    if (reign[0] === place.epoch && reign[1] === place.attempt) continue
    const is = `${place.epoch}.${place.attempt}, claimed by ${place.incarnation}`
    return { invariant: 3, lines: [`at offset ${offset} ${name} takes ${reign.join('.')} for the reign; it is ${is}`] }
  }
  return null
}

/** Replicas at one offset hold equal state, and it is that of the plain fold. */
export function equalReplicas(views: readonly ReplicaView[], fold: PlainFold): Finding | null {
  for (const [offset, some] of Map.groupBy(views, (view) => view.offset)) {
    const wanted = plainText(fold.mapsAt(offset))
    const [first] = some
    for (const view of some) {
      const found = stateText(view.state as SnapshotState)
      if (found !== wanted) return differing(offset, 'the journal', wanted, view.name, found)
      const whole = JSON.stringify(view.state)
      const firstWhole = JSON.stringify(first!.state)
      if (whole !== firstWhole) return differing(offset, first!.name, firstWhole, view.name, whole)
    }
  }
  return null
}

function differing(offset: number, one: string, oneText: string, other: string, otherText: string): Finding {
  let from = 0
  while (oneText[from] === otherText[from]) from++
  const near = (text: string) => `...${text.slice(Math.max(0, from - 60), from + 100)}...`
  const lines = [`at offset ${offset} the states of ${one} and ${other} differ:`, near(oneText), near(otherText)]
  return { invariant: 4, lines }
}

function plainText(maps: PlainMaps): string {
  const entries = [...maps].filter(([, map]) => map.size > 0).sort(byName)
  return `[${entries.map(([name, map]) => `${JSON.stringify(name)}:{${[...map].sort(byName).map(entryText).join()}}`).join()}]`
}

function stateText({ maps }: SnapshotState): string {
  const entries = [...maps].sort(byName)
  const textOf = ([key, value]: readonly [string, unknown]) => entryText([key, JSON.stringify(value)])
  return `[${entries.map(([name, map]) => `${JSON.stringify(name)}:{${[...map].sort(byName).map(textOf).join()}}`).join()}]`
}

function entryText([key, text]: readonly [string, string]): string {
  return `${JSON.stringify(key)}:${text}`
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : one > other ? 1 : 0
}
