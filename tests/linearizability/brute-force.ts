/** The definition of linearizability, taken at its word: try every order of every choice of what took effect. For small histories only. */
import { models } from './models.ts'
import type { Operation } from './operation.ts'

/** Is there an order? Operations on one object; those `not applied` left out. Exponential: keep it under 8 operations. */
export function isOrderable(operations: readonly Operation[]): boolean {
  const model = models[operations[0]!.model]
  const unanswered = operations.filter(({ result }) => result === 'unknown')
  const answered = operations.filter(({ result }) => result !== 'unknown')
  return subsets(unanswered).some((effective) => search(model.initial, [...answered, ...effective]))

  function search(state: unknown, left: readonly Operation[]): boolean {
    return left.length === 0 || left.some((next) => isAllowed(state, next, left))
  }

  function isAllowed(state: unknown, next: Operation, left: readonly Operation[]): boolean {
    if (left.some(({ endMs }) => endMs < next.startMs)) return false
    const after = model.step(state, next.call, next.result === 'unknown' ? undefined : next.result)
    if (after === undefined) return false
    const rest = left.filter((other) => other !== next)
    return search(after, rest)
  }
}

function subsets<Item>(items: readonly Item[]): Item[][] {
  const [item, ...others] = items
  if (item === undefined) return [[]]
  return subsets(others).flatMap((some) => [some, [item, ...some]])
}
