/** What has changed from one board to the next, for those who know the one before. Pure; `fold.ts` is its inverse. */
import type { Board, BoardBackend, BoardChanges } from './board.ts'

const figureKeys = ['offset', 'lag', 'inFlight', 'eventLoopDelayMs', 'suspicion', 'silence'] as const
const replacedSections = ['receiver', 'receivers', 'journal', 'shards', 'balancers', 'can'] as const

/** Null if nothing but the time has changed. */
export function changesBetween(before: Board, after: Board): BoardChanges | null {
  const changes: { -readonly [key in keyof BoardChanges]?: BoardChanges[key] } = {}
  for (const section of replacedSections)
    if (!isSame(before[section], after[section])) Object.assign(changes, { [section]: after[section] })
  if (!isSameCast(before.backends, after.backends)) changes.backends = after.backends
  else noteFigures(changes, before.backends, after.backends)
  const reigns = newOf(before.reigns, after.reigns)
  if (reigns.length > 0) changes.reigns = reigns
  const crashes = newOf(before.crashes, after.crashes)
  if (crashes.length > 0) changes.crashes = crashes
  const traffic = newOf(before.traffic, after.traffic)
  if (traffic.length > 0) changes.traffic = traffic
  return Object.keys(changes).length === 0 ? null : { ...changes, atMs: after.atMs }
}

function noteFigures(
  changes: { figures?: readonly (readonly number[])[] },
  before: readonly BoardBackend[],
  after: readonly BoardBackend[],
): void {
  const figures: number[][] = []
  for (let index = 0; index < after.length; index++) {
    const [one, other] = [before[index]!, after[index]!]
    if (figureKeys.some((key) => one[key] !== other[key])) figures.push([index, ...figureKeys.map((key) => other[key])])
  }
  if (figures.length > 0) changes.figures = figures
}

/** What was not in the array before: an entry that changed is a new object. */
function newOf<Entry>(before: readonly Entry[], after: readonly Entry[]): readonly Entry[] {
  if (before === after) return []
  const known = new Set(before)
  return after.filter((entry) => !known.has(entry))
}

/** True if the same backends are there, and the same but for their figures. */
function isSameCast(before: readonly BoardBackend[], after: readonly BoardBackend[]): boolean {
  return before.length === after.length && before.every((backend, index) => isSameBut(backend, after[index]!))
}

function isSameBut(one: BoardBackend, other: BoardBackend): boolean {
  return (
    one.name === other.name &&
    one.incarnation === other.incarnation &&
    one.url === other.url &&
    one.weight === other.weight &&
    one.phase === other.phase &&
    one.alive === other.alive &&
    one.active === other.active &&
    one.reign[0] === other.reign[0] &&
    one.reign[1] === other.reign[1] &&
    one.activeSinceMs === other.activeSinceMs &&
    one.progress?.ratio === other.progress?.ratio &&
    one.progress?.remainingMs === other.progress?.remainingMs &&
    one.draining === other.draining &&
    one.gone === other.gone
  )
}

/** By content; these sections are small. */
function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}
