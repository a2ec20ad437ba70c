/**
 * Is there an order of the operations on one object that its model allows and that keeps every operation between its call and
 * its return? The search of Wing and Gong ("Testing and verifying concurrent objects", 1993) with Lowe's memory of what was tried
 * ("Testing for linearizability", 2017), as porcupine has it, and three savings that lose no order:
 *
 * - An operation that may come next and changes nothing comes next: if any order is left, the one with it in front is too.
 * - Operations of unknown outcome with the same call are interchangeable: the one called first is tried first, so how many took
 *   effect is all there is to remember. A value that no answer tells of and no call asks about might as well be any other such. One that would change nothing here is not tried: it may as well never take effect.
 * - Where the model counts changes (versions, counters), a state beyond what some answer still to be placed needs is given up.
 */
import type { AnyModel } from './models.ts'
import type { Operation } from './operation.ts'

/** `undecided`: the search gave up at its limit. */
export type Ordering = 'possible' | 'impossible' | 'undecided'

/** What is left to place of a history, and in which state of the object. */
interface Node {
  readonly state: unknown
  /** Answered operations before this index are all placed. */
  readonly first: number
  /** Answered operations placed beyond `first`, ascending. */
  readonly beyond: readonly number[]
  /** How many of each class of unanswered operations took effect. */
  readonly applied: readonly number[]
}

/**
 * @param operations on one object, by start; those `not applied` left out.
 * @param stepsMax how many placements may be tried.
 */
export function ordering(model: AnyModel, operations: readonly Operation[], stepsMax: number): Ordering {
  const answered = operations.filter(({ result }) => result !== 'unknown')
  const classes = unansweredClasses(model, operations)
  const ranks = answered.map(({ call, result }) => model.rankBefore?.(call, result) ?? 0)
  const leastRankFrom = leastOfRest(ranks)
  const tried = new Set<string>()
  let steps = 0

  function isPlaced({ first, beyond }: Node, index: number): boolean {
    return index < first || beyond.includes(index)
  }

  function placed(node: Node, index: number, state: unknown): Node {
    if (index !== node.first) {
      const at = node.beyond.findIndex((other) => other > index)
      const beyond = at < 0 ? [...node.beyond, index] : node.beyond.toSpliced(at, 0, index)
      return { ...node, state, beyond }
    }
    let first = index + 1
    let passed = 0
    while (node.beyond[passed] === first) {
      first++
      passed++
    }
    return { ...node, state, first, beyond: passed > 0 ? node.beyond.slice(passed) : node.beyond }
  }

  /** The answered operations that may come next: called before any other still to be placed returned. */
  function candidates(node: Node): { indexes: number[]; returnMs: number } {
    const indexes: number[] = []
    let returnMs = Number.POSITIVE_INFINITY
    for (let index = node.first; index < answered.length; index++) {
      const { startMs, endMs } = answered[index]!
      if (startMs > returnMs) break
      if (isPlaced(node, index)) continue
      indexes.push(index)
      returnMs = Math.min(returnMs, endMs)
    }
    return { indexes, returnMs }
  }

  /** The nodes that follow, the most promising last. */
  function successors(node: Node): Node[] {
    const { indexes, returnMs } = candidates(node)
    const answeredNext: Node[] = []
    for (const index of indexes) {
      steps++
      const { call, result } = answered[index]!
      const state = model.step(node.state, call, result)
      if (state === node.state) return [placed(node, index, state)]
      if (state !== undefined) answeredNext.push(placed(node, index, state))
    }
    const unansweredNext = classes.flatMap((starts, which): Node[] => {
      const start = starts.at(node.applied[which]!)
      if (!start || start.startMs > returnMs) return []
      steps++
      const state = model.step(node.state, start.call, undefined)
      if (state === undefined || model.keyOf(state) === model.keyOf(node.state)) return []
      return [{ ...node, state, applied: node.applied.with(which, node.applied[which]! + 1) }]
    })
    return [...unansweredNext.reverse(), ...answeredNext.reverse()].filter(isWithinReach)
  }

  function isWithinReach(node: Node): boolean {
    if (!model.rankOf) return true
    const rank = model.rankOf(node.state)
    for (let index = node.first; index < answered.length && leastRankFrom[index]! < rank; index++) {
      if (ranks[index]! < rank && !isPlaced(node, index)) return false
    }
    return true
  }

  function isNew({ state, first, beyond, applied }: Node): boolean {
    const key = `${first};${beyond.join()};${applied.join()};${model.keyOf(state)}`
    if (tried.has(key)) return false
    tried.add(key)
    return true
  }

  const open: Node[] = [{ state: model.initial, first: 0, beyond: [], applied: classes.map(() => 0) }]
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.first === answered.length) return 'possible'
    if (steps > stepsMax) return 'undecided'
    open.push(...successors(node).filter(isNew))
  }
  return 'impossible'
}

/** Operations of unknown outcome that can change something, by what they would do, each class by start. */
function unansweredClasses(model: AnyModel, operations: readonly Operation[]): Operation[][] {
  const seen = new Set(
    operations.flatMap(({ call, result }) => model.seenIn(call, result === 'unknown' ? undefined : result)),
  )
  const unanswered = operations.filter(({ call, result }) => result === 'unknown' && model.changes(call))
  const veiled = unanswered.map(
    (operation) => ({ ...operation, call: model.veiled(operation.call, seen) }) as Operation,
  )
  return [...Map.groupBy(veiled, ({ call }) => JSON.stringify(call)).values()]
}

/** For each index, the least number from there on. */
function leastOfRest(numbers: readonly number[]): number[] {
  const least = [...numbers]
  for (let index = least.length - 2; index >= 0; index--) least[index] = Math.min(least[index]!, least[index + 1]!)
  return least
}
